// Opens a .txt, .md or .docx: dropped on the text's card, or chosen with the button below it. Undo brings the old text back.

import { byId, h } from "../../components/dom.js";
import { FileProblem, readTextFile } from "../../text/file_text.js";

export function mountFileDrop({ fields, i18n, showStatus }) {
  const input = h("input", { type: "file", accept: ".txt,.md,.docx", hidden: true, id: "open-file-input" });
  const open = async ([file]) => {
    if (!file) return;
    try {
      fields.setValues({ text: await readTextFile(file) });
      showStatus(i18n.t("text.opened", { name: file.name }));
    } catch (error) {
      showStatus(i18n.t(`text.open.${error instanceof FileProblem ? error.code : "damaged"}`, { name: file.name }));
    }
  };
  input.onchange = () => open(input.files).then(() => (input.value = ""));
  byId("open-file").onclick = () => input.click();
  byId("open-file").after(input);
  const card = byId("text-card");
  const hasFiles = ({ dataTransfer }) => [...dataTransfer.types].includes("Files");
  card.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    card.dataset.dropping = "true";
  });
  card.addEventListener("dragleave", ({ relatedTarget }) => {
    if (!card.contains(relatedTarget)) delete card.dataset.dropping;
  });
  card.addEventListener("drop", (event) => {
    delete card.dataset.dropping;
    if (!hasFiles(event)) return;
    event.preventDefault();
    open(event.dataTransfer.files);
  });
}
