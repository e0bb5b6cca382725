"""
The page's server: the only part that imports aiohttp; it knows the painting node by its topics and services alone.

::

    gate.py         who may do what: tokens, cookies, Host, Origin, headers
    viewers.py      newest frames out to many viewers, one frame of credit each
    robot.py        the painting node as the page sees it: frames, state, wishes
    styles.py       the stored styles with their thumbnails, removal with undo, shuffle
    recording.py    the painting as a bag
    own_camera.py   a browser's camera in place of the robot's
    server.py       the routes, and the thread that they run in
    addresses.py    own addresses and names; certificate.py: HTTPS of one's own
"""
