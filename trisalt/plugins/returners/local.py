"""
Prints what it is given: to see that returns arrive at a returner, and what is in them.

.. code-block:: bash

    salt '*' test.ping --return local
"""


def returner(ret):
    """
    Print the return to the minion's terminal
    """
    print(ret, flush=True)


def event_return(event):
    """
    Print events to the master's terminal
    """
    print(event, flush=True)
