"""Talks: files of steps, each one view of ViT Lab with its state, shown large and without controls.

`files` reads them, `scenes` makes of a link what is shown, `stage` draws it, `page` is the talk.
"""
