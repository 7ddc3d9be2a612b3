// What the presenter view shows: a caption, the description of the voice, the waveform and two figures. In: a frame of them. Out: a
// picture on a canvas context, in one of three formats.

import { paintWave } from "./waveform.js";

/** Width and height in pixels. */
export const FORMATS = { landscape: [1280, 720], square: [960, 960], portrait: [720, 1280] };

const FONT = 'system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif';
const CAPTION_PX = [72, 60, 50, 42, 36, 30];
const LINE_HEIGHT = 1.35;
const DESCRIPTION_PX = 24;
const DESCRIPTION_LINES = 3;
const TOP = 70;
const FIGURES = 65; // from the bottom to the base line

/** Paint `frame`, {caption, heard, description, wave, latency, latencyLabel, facts}; `color(name)` gives the theme's colors. */
export function paintPresenter(context, format, frame, color) {
  const [width, height] = FORMATS[format];
  const isTall = height >= width;
  const area = { width, height, margin: Math.round(width * 0.069), waveHeight: isTall ? 180 : 120 };
  area.waveTop = height - FIGURES - 65 - area.waveHeight - (isTall ? 50 : 0);
  context.fillStyle = color("background");
  context.fillRect(0, 0, width, height);
  const top = paintDescription(context, area, frame.description, color);
  paintCaption(context, area, frame, top, color);
  context.save();
  context.translate(area.margin, area.waveTop);
  paintWave(context, frame.wave, width - 2 * area.margin, area.waveHeight, color);
  context.restore();
  paintFigures(context, area, frame, color);
}

/** The lower edge of the description. */
function paintDescription(context, { width, margin }, description, color) {
  if (!description) return TOP;
  context.font = `${DESCRIPTION_PX}px ${FONT}`;
  context.fillStyle = color("text-muted");
  context.textBaseline = "middle";
  const lines = limitLines(wrapText(context, description, width - 2 * margin), DESCRIPTION_LINES);
  const step = DESCRIPTION_PX * LINE_HEIGHT;
  lines.forEach((line, i) => context.fillText(line, margin, TOP + (i + 0.5) * step));
  return TOP + lines.length * step + 20;
}

/** The word being heard is green. */
function paintCaption(context, { width, margin, waveTop }, { caption, heard }, top, color) {
  const room = waveTop - 30 - top;
  let lines = [];
  let size = 0;
  for (size of CAPTION_PX) {
    context.font = `650 ${size}px ${FONT}`;
    lines = wrapText(context, caption, width - 2 * margin);
    if (lines.length * size * LINE_HEIGHT <= room) break;
  }
  const step = size * LINE_HEIGHT;
  lines = limitLines(lines, Math.floor(room / step));
  context.textBaseline = "middle";
  const first = top + (room - lines.length * step) / 2;
  let from = 0;
  lines.forEach((line, i) => {
    const y = first + (i + 0.5) * step;
    context.fillStyle = color("text");
    context.fillText(line, margin, y);
    const start = caption.indexOf(line, from);
    from = start < 0 ? from : start + line.length;
    if (start < 0 || !heard || heard.start < start || heard.end > from) return;
    context.fillStyle = color("green");
    const before = context.measureText(line.slice(0, heard.start - start)).width;
    context.fillText(line.slice(heard.start - start, heard.end - start), margin + before, y);
  });
}

/** The latency on the left, the other facts on the right; one below the other where both do not fit. */
function paintFigures(context, { width, height, margin }, { latency, latencyLabel, facts }, color) {
  let baseline = height - FIGURES;
  context.textBaseline = "alphabetic";
  context.font = `20px ${FONT}`;
  context.fillStyle = color("text-muted");
  const factsWidth = context.measureText(facts).width;
  context.fillText(facts, width - margin - factsWidth, baseline);
  if (!latency) return;
  const labelWidth = context.measureText(latencyLabel).width;
  context.font = `650 34px ${FONT}`;
  const latencyWidth = context.measureText(latency).width;
  if (2 * margin + latencyWidth + labelWidth + factsWidth + 40 > width) baseline -= 46;
  context.fillStyle = color("text");
  context.fillText(latency, margin, baseline);
  context.font = `20px ${FONT}`;
  context.fillStyle = color("text-muted");
  context.fillText(latencyLabel, margin + latencyWidth + 14, baseline);
}

function limitLines(lines, count) {
  return lines.length > count ? [...lines.slice(0, count - 1), `${lines[count - 1]}…`] : lines;
}

/** `text` in lines of at most `width`, broken between words, or anywhere in scripts without spaces. */
function wrapText(context, text, width) {
  const lines = [];
  let line = "";
  const isWide = (part) => context.measureText(part).width > width;
  for (const { segment } of new Intl.Segmenter(undefined, { granularity: "word" }).segment(text)) {
    for (const part of isWide(segment) ? segment : [segment]) {
      if (line && isWide(line + part) && part.trim() && !/^[\p{P}]+$/u.test(part)) {
        lines.push(line.trim());
        line = "";
      }
      line += part;
    }
  }
  return line.trim() ? [...lines, line.trim()] : lines;
}
