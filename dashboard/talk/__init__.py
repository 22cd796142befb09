"""Talks: YAML files of steps, each shown as one large view without controls.

`files` reads a talk, `edits` changes its text, and `store` changes its file. `scenes` asks the page of a link
for its scene, and `stage` draws the scene. `page` presents the talk in the dashboard, `speaker` is the
speaker window, and `html_export` writes the talk as one HTML file. `menu` is the menu "Talk" of every page,
with the form of `add_form`. `editor` is the page that changes talks, with the form of `step_form`.
"""
