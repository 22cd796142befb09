"""Talks: files of steps, each one view of ViT Lab with its state, shown large and without controls.

`files` reads them, `scenes` has the page of a link make its scene, `stage` draws it, `page` is the talk.
"""
