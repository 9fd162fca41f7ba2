"use strict";
/* The page of `sftcore try`: sends what is typed to the server that it came from, and shows the answer.
   The answer is HTML that the server has escaped; nothing is kept but what stands on the page. */
(() => {
  const form = document.getElementById("form");
  const told = document.getElementById("told");
  const answer = document.getElementById("answer");
  const words = document.getElementById("words");
  const talk = form.querySelector('[data-form="turns"]');
  let asking = null;

  const addTurn = (speaker, text) => {
    const turn = document.getElementById("turn").content.cloneNode(true).firstElementChild;
    turn.querySelector("select").value = speaker;
    turn.querySelector("textarea").value = text;
    talk.querySelector(".turns").append(turn);
    return turn.querySelector("textarea");
  };

  const turns = () =>
    [...talk.querySelectorAll(".turn")].map((turn) => ({
      role: turn.querySelector("select").value,
      content: turn.querySelector("textarea").value,
    }));

  const typed = () => {
    const row = {};
    for (const field of form.querySelectorAll("textarea[data-role]")) row[field.dataset.role] = field.value;
    if (talk) row[talk.dataset.role] = turns();
    return row;
  };

  /* What a screen reader says; it is seen only where nothing else on the page says it. */
  const tell = (text, shown) => {
    told.textContent = text;
    told.classList.toggle("unseen", Boolean(shown));
  };

  const ask = async (place, signal, row, shown) => {
    shown.setAttribute("aria-busy", "true");
    try {
      const reply = await fetch(place, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ row }),
        signal,
      });
      const html = await reply.text();
      if (signal.aborted) return null;
      shown.innerHTML = html;
      const made = shown.querySelector("[data-told]");
      tell(made ? made.dataset.told : html, made);
      if (!made) shown.textContent = "";
      return reply.ok ? made : null;
    } catch (error) {
      if (signal.aborted) return null;
      shown.textContent = "";
      tell(form.dataset.failed);
      return null;
    } finally {
      if (!signal.aborted) shown.setAttribute("aria-busy", "false");
    }
  };

  const empty = () => {
    const fields = [...form.querySelectorAll("textarea[required]")];
    if (talk) fields.push([...talk.querySelectorAll("textarea")].at(-1));
    return fields.find((field) => !field.value.trim());
  };

  const submit = async () => {
    const missing = empty();
    if (missing) {
      tell(form.dataset.empty);
      missing.focus();
      return;
    }
    if (asking) asking.abort();
    asking = new AbortController();
    const signal = asking.signal;
    const row = typed();
    answer.textContent = words.textContent = "";
    tell(form.dataset.busy);
    const made = await ask("answer", signal, row, answer);
    if (!made) return;
    if (talk && "answered" in made.dataset) {
      addTurn("assistant", made.dataset.answered);
      addTurn("user", "").focus();
    }
    if ("explains" in made.dataset) {
      const said = made.dataset.told;
      words.textContent = words.dataset.busy;
      if (await ask("words", signal, row, words)) tell(`${said} ${told.textContent}`, true);
    }
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
    event.preventDefault();
    submit();
  });
  form.addEventListener("click", (event) => {
    const wanted = event.target.dataset ? event.target.dataset.do : "";
    if (wanted === "add") addTurn("user", "").focus();
    const all = talk ? talk.querySelectorAll(".turn") : [];
    if (wanted === "drop" && all.length > 1) all[all.length - 1].remove();
  });
  if (talk) addTurn("user", "");
})();
