"""The buckets themselves; over HTTP they are in tests/api/test_rate_limits.py."""

import subprocess
import sys
import threading
import time

import pytest

from agentos.auth.rate_limits import MOST_BUCKETS, RateLimits
from agentos.config import Config
from agentos.errors import RateLimited
from agentos.setting_kinds import Rate


def limits(**settings) -> RateLimits:
    return RateLimits(Config(environ={}, **settings))


def passed(check, key: str, times: int = 1) -> int:
    """Return how many of so many requests are let through."""
    count = 0
    for _ in range(times):
        try:
            check(key)
        except RateLimited:
            continue
        count += 1
    return count


def test_as_many_as_the_rate_says_pass_at_once_and_no_more():
    check = limits(rate_limit="5/hour").check_caller
    assert passed(check, "key:a", 20) == 5


def test_each_caller_has_a_bucket_of_its_own():
    check = limits(rate_limit="2/hour").check_caller
    assert [passed(check, key, 5) for key in ("key:a", "key:b")] == [2, 2]


def test_an_address_uses_up_nothing_of_a_caller_of_that_name():
    both = limits(rate_limit="2/hour")
    assert passed(both.check_address, "192.0.2.1", 5) == 2
    assert passed(both.check_caller, "192.0.2.1", 5) == 2


def test_a_refusal_names_limit_and_setting_and_is_over_when_it_says():
    check = limits(rate_limit="3/3s").check_caller
    assert passed(check, "key:a", 3) == 3
    with pytest.raises(RateLimited, match=r"3/3s .*AGENTOS_RATE_LIMIT") as refused:
        check("key:a")
    assert 0 < refused.value.retry_after <= 1
    assert passed(check, "key:a") == 0
    time.sleep(refused.value.retry_after)
    # One token has dripped into it; the bucket is not full again.
    assert passed(check, "key:a", 3) == 1


def test_a_rate_over_a_part_of_a_second_is_that_rate():
    check = limits(rate_limit=Rate(2, 0.5)).check_caller
    assert passed(check, "key:a", 2) == 2
    time.sleep(0.25)
    assert passed(check, "key:a") == 1


def test_addresses_have_their_own_limit_where_one_is_set():
    both = limits(rate_limit="2/hour", address_rate_limit="4/hour")
    assert passed(both.check_caller, "key:a", 9) == 2
    assert passed(both.check_address, "192.0.2.1", 9) == 4
    with pytest.raises(RateLimited, match=r"4/3600s .*AGENTOS_ADDRESS_RATE_LIMIT"):
        both.check_address("192.0.2.1")


def test_addresses_can_be_limited_alone():
    both = limits(address_rate_limit="2/hour")
    assert passed(both.check_address, "192.0.2.1", 9) == 2
    assert passed(both.check_caller, "key:a", 9) == 9


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"),
        ("2001:db8:1:2::1", "2001:0DB8:0001:0002::9"),
        ("fe80::1%eth0", "fe80::2%eth1"),
        ("192.0.2.1", "::ffff:192.0.2.1"),
        ("192.0.2.1", "::ffff:c000:201"),
        ("192.0.2.1", "192.0.2.1:50000"),
        ("2001:db8:1:2::1", "[2001:db8:1:2::1]:50000"),
        ("", "unknown"),
        ("nonsense", "other nonsense" * 100),
    ],
)
def test_addresses_of_one_sender_share_a_bucket(one: str, other: str):
    check = limits(rate_limit="2/hour").check_address
    assert passed(check, one, 5) == 2
    assert passed(check, other, 5) == 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("192.0.2.1", "192.0.2.2"),
        ("2001:db8:1:2::1", "2001:db8:1:3::1"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2"),
        ("192.0.2.1", "::c000:201"),
        ("192.0.2.1", "nonsense"),
    ],
)
def test_addresses_of_different_senders_do_not(one: str, other: str):
    check = limits(rate_limit="2/hour").check_address
    assert passed(check, one, 5) == 2
    assert passed(check, other, 5) == 2


def test_a_flood_of_addresses_is_forgotten_but_for_the_newest_and_those_that_go_on():
    both = limits(rate_limit="1/hour")
    for check, key in ((both.check_address, "192.0.2.1"), (both.check_address, "192.0.2.2"), (both.check_caller, "a")):
        assert passed(check, key, 2) == 1
    for number in range(MOST_BUCKETS):
        passed(both.check_address, f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::1")
        if number % 1000 == 0:
            assert passed(both.check_address, "192.0.2.2") == 0
    remembered = (both.check_address, "192.0.2.2"), (both.check_address, "2001:db8:0:9::1"), (both.check_caller, "a")
    for check, key in remembered:
        assert passed(check, key) == 0
    assert passed(both.check_address, "192.0.2.1") == 1


def test_with_authentication_a_key_has_fifty_at_once_and_an_address_sixty_failures() -> None:
    guarded = limits(auth=("api_key",))
    assert 50 <= passed(guarded.check_caller, "key:a", 60) < 60
    assert passed(guarded.check_failure, "192.0.2.1", 70) == 60
    assert passed(guarded.check_address, "192.0.2.1", 1000) == 1000


@pytest.mark.parametrize("off", ["none", "off"])
def test_with_authentication_both_can_be_switched_off(off: str) -> None:
    open_to_all = limits(auth=("api_key",), rate_limit=off, failed_auth_rate_limit=off)
    assert passed(open_to_all.check_caller, "key:a", 1000) == 1000
    assert passed(open_to_all.check_failure, "192.0.2.1", 1000) == 1000


def test_failures_of_one_network_share_a_bucket() -> None:
    check = limits(failed_auth_rate_limit="2/hour").check_failure
    assert passed(check, "2001:db8:1:2::1", 5) == 2
    assert passed(check, "2001:db8:1:2:ffff::9", 5) == 0
    assert passed(check, "2001:db8:1:3::1", 5) == 2


def test_a_command_does_not_load_what_counts() -> None:
    code = (
        "import sys\n"
        "from agentos import Config\n"
        "from agentos.bootstrap import build\n"
        "services = build(Config(environ={}, database_url='memory://', plugins=(), auth=('api_key',)))\n"
        "print('throttled' in sys.modules)\n"
        "services.auth.prepare()\n"
        "print('throttled' in sys.modules)\n"
        "services.close()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert (done.stdout, done.stderr) == ("False\nTrue\n", "")


def test_threads_cannot_take_the_same_token():
    check = limits(rate_limit="100/hour").check_caller
    counts: list[int] = []
    threads = [threading.Thread(target=lambda: counts.append(passed(check, "key:a", 50))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 100


def test_without_a_limit_everything_passes_and_nothing_is_imported():
    code = (
        "import sys\n"
        "from agentos.auth.rate_limits import RateLimits\n"
        "from agentos.config import Config\n"
        "limits = RateLimits(Config(environ={}))\n"
        "for _ in range(1000): limits.check_address('192.0.2.1'), limits.check_caller('key:a')\n"
        "print('throttled' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert (done.stdout, done.stderr) == ("False\n", "")
