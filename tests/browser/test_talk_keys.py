"""The keys of a talk without a server: lost key presses, and steps that arrive late."""

from __future__ import annotations

from dashboard.components.talk import PART


def test_lost_key_press_is_sent_again_unless_a_script_runs(browser):
    page = browser.new_page()
    page.clock.install()
    page.set_content(f"<div id=app data-test-script-state=running></div><div id=root>{PART.html}</div>")
    page.evaluate(
        """async (source) => {
            const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
            const component = (await import(url)).default;
            window.sent = [];
            const parentElement = document.querySelector("#root"), titles = [..."abc"];
            const setTriggerValue = (name, value) => name === "go" && window.sent.push(value);
            const fixed = { count: 3, titles, source: "", note: "" };
            window.deliver = (at) =>
                component({ data: { at, ...fixed }, parentElement, setTriggerValue });
            window.deliver(0);
        }""",
        PART.js,
    )
    page.keyboard.press("PageDown")
    page.clock.fast_forward(1200)  # ms: longer than the time until a retry
    assert page.evaluate("sent") == [2]
    page.evaluate("document.querySelector('#app').dataset.testScriptState = 'notRunning'")
    page.clock.fast_forward(1200)
    assert page.evaluate("sent") == [2, 2]
    page.evaluate("deliver(1)")
    page.clock.fast_forward(1200)
    assert page.evaluate("sent") == [2, 2]
    page.close()


def test_late_steps_do_not_undo_key_presses(browser):
    page = browser.new_page()
    page.set_content(f"<div id=root>{PART.html}</div>")
    page.evaluate(
        """async (source) => {
            const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
            const component = (await import(url)).default;
            window.sent = [];
            const titles = [..."abcdefgh"], parentElement = document.querySelector("#root");
            const setTriggerValue = (name, value) => name === "go" && sent.push(value);
            const rest = { parentElement, setTriggerValue };
            window.deliver = (at) => component({ data: { at, count: 8, titles }, ...rest });
            deliver(0);
        }""",
        PART.js,
    )
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.evaluate("deliver(1)")  # the step of the first press
    page.keyboard.press("ArrowRight")
    assert page.evaluate("sent.at(-1)") == 4
    page.evaluate("sent.length = 0, deliver(2)")
    assert page.evaluate("sent") == [4]  # sent again: Streamlit may lose a trigger during a rerun
    page.evaluate("sent.length = 0, deliver(3)")
    assert page.evaluate("sent") == []
    page.evaluate("deliver(1)")  # the rerun of another element carried an older address
    assert page.evaluate("sent") == [4]  # the chosen step again
    page.evaluate("deliver(3), sent.length = 0")
    page.evaluate("dispatchEvent(new PopStateEvent('popstate')), deliver(6)")  # Forward in the browser
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("sent") == [6]
    page.evaluate("""() => {
        const press = () => dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft" }));
        const start = performance.now();
        press();
        while (performance.now() - start < 3000); // the browser is busy
        press();
    }""")
    assert page.evaluate("sent") == [6, 5, 4]
    for _ in range(20):  # the step no longer exists: the number of requests is limited
        page.evaluate("deliver(0)")
    assert len(page.evaluate("sent")) < 20
    page.keyboard.press("ArrowRight")
    assert page.evaluate("sent.at(-1)") == 2
    page.close()


def test_question_is_answered_before_the_next_step(browser):
    page = browser.new_page()
    page.set_content(f"<div id=root>{PART.html}</div>")
    page.evaluate(
        """async (source) => {
            const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
            const component = (await import(url)).default;
            window.sent = [];
            const parentElement = document.querySelector("#root");
            const setTriggerValue = (name, value) => name === "go" && sent.push(value);
            const questions = ["", "How many?", ""], answers = ["1", "2"];
            const fixed = { count: 3, titles: [..."abc"], questions, answers };
            window.deliver = (at) => component({ data: { at, ...fixed }, parentElement, setTriggerValue });
            deliver(0);
        }""",
        PART.js,
    )
    question = page.locator(".talk-question")
    assert not question.is_visible()
    for _ in range(3):  # quick presses count, although no step has arrived yet: step 2, its answer, step 3
        page.keyboard.press("ArrowRight")
    assert page.evaluate("sent") == [2, 3]
    page.evaluate("dispatchEvent(new PopStateEvent('popstate')), deliver(1)")
    assert not question.is_visible()  # its answer has been shown
    assert page.evaluate("document.documentElement.dataset.answered") == "2"
    page.close()
