"""Our own HTML for what a foreign text asks for: the same elements the native format makes,
so that the page's scripts need not know where a lesson comes from."""

from html import escape

from lessons.elements import Option, Quiz, Run
from lessons.foreign.actions import Action
from lessons.words import word


def code(text: str, language: str, action: Action | None, run: Run | None, inline: bool) -> str:
    """A block or a span of code with the buttons its action asks for."""
    shown = f'<code class="language-{escape(language or "text")}">{escape(text)}</code>'
    data = _data(text, action, run)
    if inline:
        return f'<span class="code inline"{data}>{shown}</span>' if data else f"<code>{escape(text)}</code>"
    block = f'<pre tabindex="0">{shown}</pre>'
    return f'<div class="code"{data}>{block}</div>\n' if data else f"{block}\n"


def _data(text: str, action: Action | None, run: Run | None) -> str:
    if run is None:
        return f' data-copy="{escape(text.rstrip())}"' if action and action.verb == "copy" else ""
    data = f' data-run="{escape(run.command)}" data-terminal="{run.terminal}"'
    data += f' data-machine="{escape(run.machine)}"' if run.machine else ""
    return data + " data-interrupt" * run.interrupt + " data-no-enter" * (not run.enter)


def in_lab(place: str, label: str) -> str:
    """A link to a port, a file or a terminal of the lab; the label is HTML."""
    button = ' class="lab-button"' if place.startswith("port/") else ""
    return f'<a{button} data-lab="{escape(place)}">{label}</a>'


def task(id: str, words: str, auto: bool) -> str:
    """The box of a check."""
    return f'<section class="task" data-task="{escape(id)}"{" data-auto" * auto}><p>{escape(words)}</p></section>\n'


def folded(css: str, label: str, body: str) -> str:
    """A hint or a solution, closed at first."""
    return f'<details class="{css}"><summary>{escape(label)}</summary>{body}</details>\n'


def notice(css: str, body: str) -> str:
    """A box with HTML."""
    return f'<aside class="{css}"><p>{body}</p></aside>\n'


def form(quiz: Quiz) -> str:
    """A question with its answers; it holds no hint of the right one."""
    id = escape(quiz.id)
    body = "".join(_choice(quiz, option) for option in quiz.options)
    if quiz.kind == "text":
        body = f'<label>{word("your-answer", "en")} <input type="text" name="{id}" autocomplete="off"></label>'
    return (
        f'<form class="quiz" data-quiz="{id}" data-kind="{quiz.kind}">'
        f'<div class="quiz-question" id="{id}-question">{quiz.question}</div>'
        f'<div class="quiz-options" role="group" aria-labelledby="{id}-question">{body}</div>'
        f'<button type="submit">{word("answer", "en")}</button><div class="quiz-feedback" aria-live="polite"></div></form>\n'
    )


def _choice(quiz: Quiz, option: Option) -> str:
    kind = "radio" if quiz.kind == "one" else "checkbox"
    control = f'<input type="{kind}" name="{escape(quiz.id)}" value="{escape(option.id)}">'
    return f'<label class="quiz-option">{control} <span>{option.html}</span></label>'
