// SPDX-License-Identifier: Apache-2.0
/* global Picture */

/** As many of the last ages are kept [ms]. */
const KEPT = 400;

/** The overlays as they come: the newest of each camera, each drawn once a frame of the screen. */
export class Cameras {
  constructor(root, drawn) {
    Object.assign(this, { root, drawn, pictures: new Map(), order: [], shares: {} });
    this.number = 0;
    this.frame = 0;
    /** From a picture's stamp to the screen [ms], where both clocks are one. */
    root.ages = [];
  }

  async take(about, blob, number) {
    let bitmap = null;
    try {
      bitmap = await createImageBitmap(blob);
    } catch {
      this.acknowledge(number);
      return;
    }
    const picture = this.picture(about.camera, bitmap);
    if (number < picture.number) { // one that came later was decoded first
      bitmap.close();
      return;
    }
    picture.number = number;
    picture.show(bitmap);
    bitmap.close();
    picture.canvas.dataset.stamp = about.stamp;
    picture.canvas.dataset.drawn = Number(picture.canvas.dataset.drawn || 0) + 1;
    picture.stamp = about.stamp;
    this.acknowledge(number, about.stamp);
  }

  /** Say once a frame what has been drawn; a page that draws nothing gets nothing. */
  acknowledge(number, stamp = null) {
    this.number = Math.max(this.number, number);
    if (stamp !== null) (this.fresh ||= []).push(stamp);
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.drawn(this.number);
      const now = Date.now();
      for (const each of this.fresh || []) this.root.ages.push(now - 1000 * each);
      this.fresh = [];
      if (this.root.ages.length > KEPT) this.root.ages.splice(0, this.root.ages.length - KEPT);
    });
  }

  picture(name, { width, height }) {
    const before = this.pictures.get(name);
    if (before && before.width === width && before.height === height) return before;
    if (before) before.figure.remove();
    this.root.querySelector(".empty")?.remove();
    const picture = new Picture(this.root, name, { width, height });
    picture.number = 0;
    this.pictures.set(name, picture);
    this.arrange();
    return picture;
  }

  /** In the policy's order, with each camera's share; a new line begins the numbers anew. */
  tell(shares) {
    this.shares = shares;
    const order = Object.keys(shares);
    if (order.join() !== this.order.join()) {
      this.order = order;
      this.arrange();
    }
    for (const [name, picture] of this.pictures) {
      const share = shares[name];
      picture.say(share === null || share === undefined ? "no share" : `${(100 * share).toFixed(1)} %`);
    }
  }

  arrange() {
    const names = [...this.order, ...[...this.pictures.keys()].filter((name) => !this.order.includes(name))];
    for (const name of names) {
      const picture = this.pictures.get(name);
      if (picture) this.root.append(picture.figure);
    }
  }

  /** A new connection counts from 1. */
  restart() {
    this.number = 0;
    for (const picture of this.pictures.values()) picture.number = 0;
  }
}
