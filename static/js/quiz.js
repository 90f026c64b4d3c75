/* Questions: the answer is looked at by the server, which alone knows what is right. */

import { notify } from "./dialogs.js";
import { say } from "./strings.js";

function shown(form, grade) {
  form.classList.toggle("right", grade.correct);
  form.classList.toggle("not-right", !grade.correct);
  // The feedback is the author's text, rendered by our server: HTML from the same hand as the page's.
  const pieces = [grade.message, ...Object.values(grade.feedback)];
  form.querySelector(".quiz-feedback").innerHTML = pieces.map((piece) => `<p>${piece}</p>`).join("");
}

/** ask(quiz, chosen) → the server's grade; answered: the questions she has answered rightly before. */
export function equipQuizzes(place, ask, answered = []) {
  for (const form of place.querySelectorAll("form.quiz")) {
    if (answered.includes(form.dataset.quiz)) shown(form, { correct: true, message: say("answered-earlier"), feedback: {} });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const chosen = new FormData(form).getAll(form.dataset.quiz);
      try {
        shown(form, await ask(form.dataset.quiz, chosen));
      } catch {
        notify(say("request-failed"));
      }
    });
  }
}
