"""Scenes as one HTML file that works without a server and loads nothing from the network.

`pieces` turns a scene into components with their data, `document` writes them into one file, and
`explorer_file` is the file of the attention explorer. `dashboard.talk.html_export` writes a whole talk.
"""
