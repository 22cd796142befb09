"""Scenes as one HTML file that works without a server and loads nothing from the network.

`document` writes the pieces of scenes into one file, and `scene_file` is the file of one view of Attention.
`dashboard.talk.html_export` writes a whole talk.
"""
