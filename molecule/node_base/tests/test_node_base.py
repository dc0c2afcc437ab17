def test_ping(hosts, room):
    assert hosts["alpha"].run("true").rc == 0
    room.reboot("alpha")
