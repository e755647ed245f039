// SPDX-License-Identifier: GPL-3.0-or-later
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// The filter of preflight.html.j2. The page is whole without it: this only hides what was not asked for.
"use strict";
(() => {
  const all = (selector, below = document) => [...below.querySelectorAll(selector)];
  const form = document.getElementById("filter");

  // "0-3,7" is hosts 0, 1, 2, 3 and 7, in the order of the report.
  const numbers = text => {
    const found = [];
    for (const part of text.split(",").filter(Boolean)) {
      const [first, last = first] = part.split("-").map(Number);
      for (let number = first; number <= last; number++) found.push(number);
    }
    return found;
  };

  const hosts = new Map(all(".matrix tbody tr").map(row => [Number(row.dataset.host), {
    name: row.dataset.name.toLowerCase(),
    verdict: row.dataset.verdict,
    checks: new Set(all("a", row).map(link => link.dataset.check)),
  }]));
  const findings = all(".finding").map(box => ({
    box,
    check: box.dataset.check,
    heading: box.querySelector("header").textContent.toLowerCase(),
    causes: all("tr[data-hosts]", box).map(row => ({
      row, hosts: numbers(row.dataset.hosts), text: row.textContent.toLowerCase(),
    })),
  }));

  // What is asked for, and which hosts and causes that is.
  const wanted = () => {
    const asked = Object.fromEntries([...new FormData(form)].map(([key, value]) => [key, value.trim().toLowerCase()]));
    asked.any = Boolean(asked.verdict || asked.check || asked.text);
    return asked;
  };
  const verdictFits = (host, asked) => !asked.verdict || host.verdict === asked.verdict;
  const checkFits = (check, asked) => !asked.check || check.toLowerCase() === asked.check;
  const wordsFit = (finding, cause, asked) => (finding.heading + " " + cause.text).includes(asked.text);

  const visibleHosts = asked => {
    const told = new Set();
    for (const finding of findings.filter(each => checkFits(each.check, asked))) {
      for (const cause of finding.causes.filter(each => wordsFit(finding, each, asked))) cause.hosts.forEach(each => told.add(each));
    }
    const fits = ([number, host]) => verdictFits(host, asked)
      && (!asked.check || [...host.checks].some(check => checkFits(check, asked)))
      && (!asked.text || host.name.includes(asked.text) || told.has(number));
    return new Set([...hosts].filter(fits).map(([number]) => number));
  };

  const showFindings = (asked, shown) => {
    let count = 0;
    for (const finding of findings) {
      for (const cause of finding.causes) {
        const named = () => cause.hosts.some(each => shown.has(each) && hosts.get(each).name.includes(asked.text));
        cause.row.hidden = asked.any && !(checkFits(finding.check, asked) && cause.hosts.some(each => shown.has(each))
          && (wordsFit(finding, cause, asked) || named()));
      }
      finding.box.hidden = asked.any && finding.causes.every(each => each.row.hidden);
      if (!finding.box.hidden) count++;
      for (const more of all("details.more", finding.box)) {
        more.open = asked.any && all("tr[data-hosts]", more).some(row => !row.hidden);
      }
    }
    for (const group of all(".findings")) group.hidden = all(".finding", group).every(box => box.hidden);
    return count;
  };

  const apply = () => {
    const asked = wanted();
    const shown = asked.any ? visibleHosts(asked) : new Set(hosts.keys());
    for (const each of all("[data-host]")) each.hidden = !shown.has(Number(each.dataset.host));
    for (const each of all("[data-hosts]").filter(each => !each.closest(".finding"))) {
      each.hidden = asked.any && !numbers(each.dataset.hosts).some(number => shown.has(number));
    }
    const count = showFindings(asked, shown);
    form.elements.count.textContent = `${shown.size} of ${hosts.size} hosts, ${count} of ${findings.length} findings`;
  };

  form.hidden = false;
  form.addEventListener("input", apply);
  form.addEventListener("submit", event => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  // A link to a finding that is filtered out shows everything again.
  addEventListener("hashchange", () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.closest("[hidden]")) {
      form.reset();
      setTimeout(() => target.scrollIntoView());
    }
  });
  apply();
})();
