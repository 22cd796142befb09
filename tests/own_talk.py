"""A talk of the user, with three steps, for tests of the menu and the editor."""

from __future__ import annotations

from dashboard.talk import files

TEXT = """\
# Kept.
title: Mine
steps:
  - {title: One, say: First., link: compare}
  - {title: Two, say: Second., link: "compare?show=Scores", note: Slowly.}
  - {title: Three, say: Third., link: compare}
"""


def titles():
    return [step.title for step in files.find_talk("mine").steps]


def press(app, label):
    (button,) = (button for button in app.get("button") if button.label == label)
    return button.click().run()


def add(app, talk, title, say, page="compare"):
    (box,) = (selectbox for selectbox in app.selectbox if selectbox.label == "Talk")
    if talk and box.format_func(talk) not in box.options:
        box.options.append(talk)  # a new option, which AppTest does not know
    box.set_value(talk)
    app.text_input(key=f"add_title_{page}").set_value(title)
    app.text_input(key="add_say").set_value(say)
    return press(app, "Add to talk")
