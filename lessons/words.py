"""The few words the lesson's own HTML needs, in each language of a lesson."""

WORDS = {
    "en": {
        "output": "What you should see",
        "file": "{path}",
        "edit": "{path}, in the editor",
        "append": "At the end of {path}",
        "insert": "In {path}, before the line with “{at}”",
        "answer": "Answer",
        "your-answer": "Your answer",
        "hint": "Hint",
        "solution": "Solution",
        "note": "Note",
        "tip": "Tip",
        "warning": "Warning",
        "details": "Details",
        "right": "Right.",
        "wrong": "Not quite.",
        "choose": "Choose an answer first.",
    },
    "zh-hans": {
        "output": "应当看到",
        "file": "{path}",
        "edit": "在编辑器中：{path}",
        "append": "追加到 {path} 末尾",
        "insert": "插入 {path} 中含“{at}”的那一行之前",
        "answer": "提交",
        "your-answer": "你的答案",
        "hint": "提示",
        "solution": "参考做法",
        "note": "说明",
        "tip": "小技巧",
        "warning": "注意",
        "details": "详情",
        "right": "正确。",
        "wrong": "还不对。",
        "choose": "请先选择一个答案。",
    },
}


def word(name: str, language: str) -> str:
    """A word in the language of the lesson."""
    return WORDS.get(language, WORDS["en"])[name]
