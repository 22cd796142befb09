"""Talks: YAML files of steps, each shown as one large view without controls.

`files` reads a talk, `scenes` asks the page of a link for its scene, `stage` draws the scene, `page` presents
the talk in the dashboard, `menu` is the menu "Talk" of every page, and `html_export` writes the talk as one
HTML file.
"""
