/** The one tooltip. Lines are texts, or a colour's name and a text. */
const tip = {
  box: null,
  show(x, y, { title, lines }) {
    this.box ??= document.body.appendChild(element("div", "tip", undefined, { role: "status" }));
    this.box.replaceChildren(element("b", "", title), ...lines.filter(Boolean).map(line));
    this.box.hidden = false;
    const { width, height } = this.box.getBoundingClientRect();
    const beside = x + 14 + width < innerWidth ? x + 14 : x - 14 - width;
    // Below, or above where there is no room; on the page, so that it stays with what it tells of.
    const below = y + 14 + height < innerHeight ? y + 14 : Math.max(4, y - 14 - height);
    this.box.style.left = `${scrollX + Math.max(4, Math.min(beside, innerWidth - width - 4))}px`;
    this.box.style.top = `${scrollY + below}px`;
  },
  hide() {
    if (this.box) this.box.hidden = true;
  },
};

function line(content) {
  if (typeof content === "string") return element("span", "", content);
  const [colour, text] = content;
  const made = element("span", "", text);
  const key = element("i", "key");
  key.style.background = colours[colour];
  made.prepend(key);
  return made;
}
