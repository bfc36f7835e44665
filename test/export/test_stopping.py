# SPDX-License-Identifier: Apache-2.0
"""A signal ends an export also where Python drops its exception."""

import os
import signal

import pytest

from pam_ros.export.stopping import Stop


@pytest.fixture(autouse=True)
def signals():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_dropped_while_an_object_is_deleted_is_raised_again(number):
    class Deleted:
        def __del__(self):
            os.kill(os.getpid(), number)
            for _ in range(1000):
                pass  # so that the handler runs here

    stop = Stop()
    stop.check()
    one = Deleted()
    del one
    with pytest.raises(KeyboardInterrupt):
        stop.check()


def test_elsewhere_it_is_raised_at_once():
    Stop()
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGTERM)
