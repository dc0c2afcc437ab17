package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// cron is a schedule of five fields: minute, hour, day of the month, month, day
// of the week. Each is a set of numbers, one bit a number.
type cron struct {
	fields   [5]uint64
	anyDay   bool // the day of the month is not restricted
	anyOfDay bool // the day of the week is not restricted
}

// cronRanges are the numbers that a field may hold; Sunday is 0, and 7 as well.
var cronRanges = [5]struct{ low, high int }{{0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 7}}

// cronNames are the documented abbreviations.
var cronNames = map[string]string{
	"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *",
	"@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
}

// cronHorizon bounds the search for the next time: 29 February comes within it.
const cronHorizon = 9 * 366 * 24 * time.Hour

// parseCron reads a schedule such as `0 */12 * * *`.
// Source: https://docs.k3s.io/cli/etcd-snapshot; crontab(5)
func parseCron(text string) (cron, error) {
	var out cron
	if full, ok := cronNames[text]; ok {
		text = full
	}
	words := strings.Fields(text)
	if len(words) != len(out.fields) {
		return out, fmt.Errorf("%q has %d fields, not the five of cron: minute, hour, day, month, weekday", text, len(words))
	}
	for i, word := range words {
		bits, err := cronField(word, cronRanges[i].low, cronRanges[i].high)
		if err != nil {
			return out, fmt.Errorf("%q: %w", text, err)
		}
		out.fields[i] = bits
	}
	if out.fields[4]&(1<<7) != 0 {
		out.fields[4] |= 1
	}
	out.anyDay, out.anyOfDay = strings.HasPrefix(words[2], "*"), strings.HasPrefix(words[4], "*")
	if out.next(time.Unix(0, 0)).IsZero() {
		return out, fmt.Errorf("%q never comes", text)
	}
	return out, nil
}

// cronField reads lists, ranges and steps: `*/15`, `1,3`, `8-18/2`.
func cronField(word string, low, high int) (uint64, error) {
	var bits uint64
	for _, part := range strings.Split(word, ",") {
		span, every, stepped := strings.Cut(part, "/")
		from, to, err := cronSpan(span, low, high, stepped)
		if err != nil {
			return 0, err
		}
		step := 1
		if stepped {
			if step, err = strconv.Atoi(every); err != nil || step < 1 {
				return 0, fmt.Errorf("%q is no step", part)
			}
		}
		for n := from; n <= to; n += step {
			bits |= 1 << n
		}
	}
	return bits, nil
}

func cronSpan(span string, low, high int, stepped bool) (int, int, error) {
	if span == "*" {
		return low, high, nil
	}
	first, last, ranged := strings.Cut(span, "-")
	from, err := strconv.Atoi(first)
	to := from
	if err == nil && ranged {
		to, err = strconv.Atoi(last)
	} else if stepped {
		to = high
	}
	if err != nil || from < low || to > high || from > to {
		return 0, 0, fmt.Errorf("%q is not a number or a range within %d and %d", span, low, high)
	}
	return from, to, nil
}

// next returns the first minute after a time that the schedule names, zero if
// there is none. If both days are restricted, either is enough, as cron has it.
func (c cron) next(after time.Time) time.Time {
	at := after.Truncate(time.Minute).Add(time.Minute)
	for end := after.Add(cronHorizon); at.Before(end); {
		switch {
		case !c.has(3, int(at.Month())) || !c.isDay(at):
			at = laterOf(at, time.Date(at.Year(), at.Month(), at.Day()+1, 0, 0, 0, 0, at.Location()))
		case !c.has(1, at.Hour()):
			at = at.Add(time.Hour - time.Duration(at.Minute())*time.Minute)
		case !c.has(0, at.Minute()):
			at = at.Add(time.Minute)
		default:
			return at
		}
	}
	return time.Time{}
}

// laterOf guards against clocks that are set forward over midnight, where the
// asked time does not exist and an earlier one may be returned.
func laterOf(at, wanted time.Time) time.Time {
	if wanted.After(at) {
		return wanted
	}
	return at.Add(time.Hour)
}

func (c cron) has(field, number int) bool { return c.fields[field]&(1<<number) != 0 }

func (c cron) isDay(at time.Time) bool {
	day, weekday := c.has(2, at.Day()), c.has(4, int(at.Weekday()))
	if c.anyDay || c.anyOfDay {
		return day && weekday
	}
	return day || weekday
}
