// SPDX-License-Identifier: Apache-2.0
"use strict";

/** The bytes of a base64 text; the element goes, so that they lie in memory once. */
function bytes(element) {
  const text = element.textContent.trim();
  element.remove();
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const plain = atob(text);
  const array = new Uint8Array(plain.length);
  for (let i = 0; i < plain.length; i++) array[i] = plain.charCodeAt(i);
  return array;
}

/** The same of what was deflated before. */
async function inflated(element) {
  const stream = new Blob([bytes(element)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The recordings that lie in this page: what is said of each, its cells, and its video's address. */
async function embeddedRecordings() {
  const all = (name) => [...document.querySelectorAll(`script.${name}`)];
  const [texts, cells, videos] = [all("data"), all("cells"), all("video")];
  return Promise.all(texts.map(async (element, index) => ({
    data: JSON.parse(new TextDecoder().decode(await inflated(element))),
    cells: await inflated(cells[index]),
    video: URL.createObjectURL(new Blob([bytes(videos[index])], { type: "video/mp4" })),
  })));
}
