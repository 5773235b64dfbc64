"""Runs a command and writes its peak resident memory in bytes to a file.

A process of its own, because a child inherits its parent's peak when it starts: below pytest every figure would be pytest's.
"""

import os
import sys

figure, command = sys.argv[1], sys.argv[2:]
child = os.fork()
if child == 0:
    os.execv(command[0], command)
_, status, usage = os.wait4(child, 0)
with open(figure, "w") as file:
    file.write(str(usage.ru_maxrss * 1024))
sys.exit(os.waitstatus_to_exitcode(status))
