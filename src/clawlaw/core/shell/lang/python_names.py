"""What a short Python program may name without being able to act on the world.

Every list is of names that only compute, or only read what they are given. Names that
lead from a value to modules, frames or globals are in none of them.

Source: Python 3.13 library reference.
"""

from typing import Final

from clawlaw.core.shell.lang.options import names

BUILTINS: Final = names(
    "print len range sum min max sorted reversed enumerate zip map filter list"
    " dict set tuple frozenset str int float bool bytes bytearray abs round any"
    " all chr ord hex bin oct repr isinstance issubclass iter next divmod pow hash"
    " id ascii callable complex slice input exit quit True False None Exception"
    " ValueError KeyError TypeError IndexError StopIteration RuntimeError"
    " ZeroDivisionError AssertionError OSError FileNotFoundError IOError"
    " ArithmeticError OverflowError UnicodeDecodeError UnicodeError LookupError"
    " AttributeError NotImplementedError EOFError SystemExit KeyboardInterrupt"
    " NotImplemented Ellipsis ImportError ModuleNotFoundError"
)
# Builtins that are looked at where they are called, and nowhere else.
CALLED: Final = frozenset({"open", "type", "format", "Path"})
# Never, even where the program gives the name a value of its own.
REFUSED: Final = names(
    "exec eval compile getattr setattr delattr globals locals vars dir breakpoint"
    " memoryview super object property classmethod staticmethod help license"
    " credits copyright aiter anext hasattr reload execfile"
)
_ALL: Final = {
    "json": "load loads dump dumps JSONDecodeError",
    "math": "*",
    "cmath": "*",
    "re": "compile search match fullmatch split findall finditer sub subn escape purge"
    " error I IGNORECASE M MULTILINE S DOTALL X VERBOSE A ASCII U UNICODE",
    "datetime": "date datetime time timedelta timezone tzinfo UTC MINYEAR MAXYEAR",
    "collections": "Counter defaultdict OrderedDict deque namedtuple ChainMap",
    "itertools": "*",
    "functools": "reduce partial lru_cache cache cmp_to_key",
    "statistics": "mean median mode stdev variance pstdev pvariance quantiles fmean"
    " multimode harmonic_mean geometric_mean correlation linear_regression",
    "string": "ascii_letters ascii_lowercase ascii_uppercase digits hexdigits octdigits"
    " punctuation printable whitespace capwords",
    "textwrap": "dedent indent wrap fill shorten",
    "base64": "b64encode b64decode b32encode b32decode b16encode b16decode"
    " urlsafe_b64encode urlsafe_b64decode standard_b64encode standard_b64decode"
    " b85encode b85decode a85encode a85decode encodebytes decodebytes",
    "binascii": "hexlify unhexlify crc32 b2a_hex a2b_hex b2a_base64 a2b_base64",
    "hashlib": "md5 sha1 sha224 sha256 sha384 sha512 sha3_256 sha3_512 blake2b blake2s"
    " new algorithms_available algorithms_guaranteed",
    "hmac": "new compare_digest",
    "csv": "reader writer DictReader DictWriter QUOTE_ALL QUOTE_MINIMAL QUOTE_NONE"
    " QUOTE_NONNUMERIC",
    "pprint": "pprint pformat pp",
    "time": "time sleep strftime gmtime localtime perf_counter monotonic time_ns mktime"
    " strptime ctime asctime timezone tzname",
    "random": "random randint choice choices sample shuffle uniform seed randrange"
    " gauss getrandbits betavariate randbytes",
    "secrets": "token_hex token_urlsafe token_bytes randbelow choice",
    "uuid": "uuid4 uuid5 UUID NAMESPACE_DNS NAMESPACE_URL",
    "decimal": "Decimal ROUND_HALF_UP ROUND_HALF_EVEN ROUND_DOWN ROUND_UP",
    "fractions": "Fraction",
    "operator": "itemgetter add sub mul truediv floordiv mod eq ne lt le gt ge neg or_"
    " and_ xor",
    "calendar": "month monthrange isleap calendar monthcalendar day_name month_name"
    " day_abbr month_abbr timegm leapdays weekday",
    "difflib": "unified_diff ndiff context_diff SequenceMatcher get_close_matches",
    "unicodedata": "name lookup category normalize numeric digit decimal",
    "html": "escape unescape",
    "urllib": "parse",
    "urllib.parse": "quote unquote quote_plus unquote_plus urlencode urlparse urlsplit"
    " parse_qs parse_qsl urljoin urlunparse",
    "struct": "pack unpack calcsize",
    "heapq": "heappush heappop heapify nlargest nsmallest merge heappushpop",
    "bisect": "bisect bisect_left bisect_right insort insort_left insort_right",
    "zlib": "compress decompress crc32 adler32",
    "copy": "copy deepcopy",
    "ast": "literal_eval parse dump",
    # Of others, but the first choice for a format that the library lacks.
    "yaml": "safe_load safe_load_all safe_dump YAMLError",
    "tomllib": "load loads TOMLDecodeError",
    "keyword": "kwlist iskeyword",
    "ipaddress": "ip_address ip_network ip_interface IPv4Address IPv4Network",
    "platform": "system machine release version python_version platform node processor"
    " python_implementation mac_ver",
    "sys": "stdin stdout stderr argv exit version version_info platform maxsize"
    " executable byteorder implementation prefix base_prefix float_info maxunicode"
    " getsizeof getrecursionlimit hexversion getdefaultencoding path",
    "os": "path sep linesep getcwd cpu_count name curdir pardir extsep getpid environ"
    " getenv listdir",
    "os.path": "join basename dirname splitext split normpath sep isabs commonprefix"
    " commonpath expanduser abspath relpath exists isfile isdir getsize getmtime",
    "pathlib": "Path",
    "typing": "Any Dict List Optional Union Tuple Set Iterable Iterator Sequence",
    "__future__": "annotations",
}  # fmt: skip
# Loaded, or compiled in, before any directory is searched for them.
BUILT_IN: Final = names("sys os time math itertools __future__")
MODULES: Final[dict[str, frozenset[str]]] = {
    name: frozenset(names.split()) for name, names in _ALL.items()
}
# Looked at where they are called with a constant; alone they are refused.
CALLED_IN_MODULES: Final = frozenset(
    {
        "os.getenv",
        "os.listdir",
        "os.path.exists",
        "os.path.isfile",
        "os.path.isdir",
        "os.path.getsize",
        "os.path.getmtime",
        "pathlib.Path",
    }
)
# Attributes and methods of values.
ATTRIBUTES: Final = names(
    # text and bytes
    "capitalize casefold center count encode decode endswith expandtabs find index"
    " isalnum isalpha isascii isdecimal isdigit isidentifier islower isnumeric"
    " isprintable isspace istitle isupper join ljust lower lstrip partition"
    " removeprefix removesuffix replace rfind rindex rjust rpartition rsplit rstrip"
    " split splitlines startswith strip swapcase title translate maketrans upper zfill"
    " hex fromhex"
    # collections
    " append extend insert pop remove reverse sort copy clear get items keys values"
    " update setdefault popitem fromkeys add discard union intersection difference"
    " symmetric_difference issubset issuperset isdisjoint most_common elements subtract"
    " total appendleft popleft extendleft rotate maxlen move_to_end"
    # open files and streams
    " read readline readlines close seek tell write writelines flush buffer closed"
    # matches
    " group groups groupdict start end span pattern findall finditer search match"
    " fullmatch sub subn lastindex lastgroup string"
    # dates and times
    " strftime strptime isoformat date time timetz year month day hour minute second"
    " microsecond weekday isoweekday isocalendar timestamp total_seconds days seconds"
    " microseconds astimezone utcoffset now today utcnow fromtimestamp fromisoformat"
    " combine utctimetuple timetuple utc tzinfo ctime toordinal fromordinal min max"
    " tm_year tm_mon tm_mday tm_hour tm_min tm_sec"
    # digests, tables, numbers, addresses
    " hexdigest digest writerow writerows writeheader fieldnames line_num real imag"
    " numerator denominator bit_length bit_count is_integer as_integer_ratio conjugate"
    " quantize normalize to_bytes from_bytes sqrt scheme netloc path query fragment"
    " hostname port username num_addresses network_address broadcast_address hosts"
    " version is_private is_loopback ratio get_matching_blocks get_opcodes major minor"
    " micro releaselevel name from_iterable int bytes urn msg lineno colno doc pos args"
    " parse"
)
READS: Final = frozenset({"read_text", "read_bytes"})
WRITES: Final = frozenset({"write_text", "write_bytes"})
LOOKS: Final = frozenset({"exists", "is_file", "is_dir", "stat"})
PURE_PATH: Final = frozenset(
    {"name", "stem", "suffix", "suffixes", "parts", "as_posix"}
)
# Nodes that mean no more than their children.
NODES: Final = names(
    "module expression_statement parenthesized_expression binary_operator"
    " boolean_operator not_operator unary_operator comparison_operator"
    " conditional_expression list tuple set dictionary pair list_comprehension"
    " set_comprehension dictionary_comprehension generator_expression"
    " for_in_clause if_clause subscript slice argument_list if_statement"
    " elif_clause else_clause for_statement while_statement block expression_list"
    " pattern_list tuple_pattern list_pattern list_splat list_splat_pattern"
    " dictionary_splat augmented_assignment assignment named_expression"
    " return_statement pass_statement break_statement continue_statement"
    " assert_statement integer float true false none comment string_start"
    " string_content string_end escape_sequence escape_interpolation interpolation"
    " format_specifier format_expression type_conversion concatenated_string"
    " lambda lambda_parameters function_definition parameters default_parameter"
    " with_statement with_clause with_item as_pattern as_pattern_target"
    " try_statement except_clause finally_clause raise_statement ellipsis"
    " dictionary_splat_pattern typed_parameter type delete_statement"
)
