/* A lesson that is only read: its code can be copied, its questions answered. */

import { request } from "./api.js";
import { equipCode } from "./code.js";
import { equipQuizzes } from "./quiz.js";

const prose = document.getElementById("prose");
const csrf = document.querySelector("input[name=csrfmiddlewaretoken]").value;
const answered = JSON.parse(document.getElementById("answered").textContent);

equipCode(prose, null);
equipQuizzes(prose, (quiz, chosen) => request("POST", prose.dataset.quizzes + encodeURIComponent(quiz), { chosen }, csrf), answered);
