"""moto's server, one request at a time, or in threads. usage: python moto_store_and_table.py PORT [threads]

moto's own command answers each request in a thread, and nothing there holds the state between a condition and the write
that depends on it: two of fifty conditional writes may both succeed. `threads` makes that likely, to show it.
"""

import sys

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

in_threads = sys.argv[2:] == ["threads"]
if in_threads:
    # Seconds; Python's default is 0.005.
    sys.setswitchinterval(0.00001)
run_simple("127.0.0.1", int(sys.argv[1]), DomainDispatcherApplication(create_backend_app), threaded=in_threads)
