"use strict";
(() => {
  const topology = JSON.parse(document.getElementById("topology").textContent);
  const picture = document.querySelector("svg.picture");
  const details = document.getElementById("details");
  const hint = details.innerHTML;
  const tiers = { 1: "I, control plane", 2: "II, boundary", 3: "III, inference" };

  // Text only ever enters the page as text nodes.
  const element = (name, text, kind) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };
  const list = (title, pairs, kind) => {
    if (!pairs.length) return;
    details.append(element("h3", title));
    const terms = element("dl");
    for (const [term, text] of pairs) {
      terms.append(element("dt", term), element("dd", text, kind));
    }
    details.append(terms);
  };

  const light = (flows) => {
    picture.classList.toggle("narrowed", flows !== null);
    for (const part of document.querySelectorAll("[data-flow]")) {
      part.classList.toggle("lit", flows !== null && flows.has(part.dataset.flow));
    }
  };
  const inbound = (rules) => {
    details.append(element("h3", "May be reached by"));
    const rows = element("ul");
    for (const rule of rules) {
      const row = element("li");
      const ports = rule.ports.length ? rule.ports.join(", ") + "/" : "";
      row.append(element("strong", rule.flow), " ", element("code", ports + rule.protocol));
      row.append(element("div", `${rule.wire}: ${rule.sources.join(", ")}`, "why"));
      rows.append(row);
    }
    details.append(rows);
  };

  const showHost = (name) => {
    const host = topology.hosts[name];
    details.replaceChildren(element("h2", name));
    details.append(element("p", `Tier ${tiers[host.tier]}`, "hint"));
    const node = host.is_server ? " (K3s server)" : host.is_agent ? " (K3s agent)" : "";
    const facts = [
      ["role", host.role + node],
      ["runs", host.components.join(", ") || "nothing of its own"],
      ["system", `${host.os} ${host.arch}`],
    ];
    if (host.model) facts.push(["machine", host.model]);
    if (host.memory_gb !== null) facts.push(["memory", `${host.memory_gb} GB`]);
    list("Host", facts);
    list("Addresses", Object.entries(host.addresses), "mono");
    list("Pins", Object.entries(host.pins).map(([name, pin]) => [name, pin.version]), "mono");
    list("Labels", Object.entries(host.labels), "mono");
    list("Taints", host.taints.map((t) => [t.effect, t.value ? `${t.key}=${t.value}` : t.key]), "mono");
    inbound(host.ingress);
    const touched = new Set(host.ingress.map((rule) => rule.flow));
    const own = Object.values(host.addresses);
    for (const other of Object.values(topology.hosts)) {
      for (const rule of other.ingress) {
        if (rule.sources.some((source) => own.includes(source))) touched.add(rule.flow);
      }
    }
    light(touched);
  };
  const showController = () => {
    details.replaceChildren(element("h2", "controller"));
    details.append(element("p", "The machine that runs Ansible, outside the cluster.", "hint"));
    list("Addresses", Object.entries(topology.controller), "mono");
    light(new Set(topology.flows.filter((f) => f.from.includes("controller")).map((f) => f.name)));
  };
  const showFlow = (name) => {
    const flow = topology.flows.find((candidate) => candidate.name === name);
    details.replaceChildren(element("h2", name), element("p", flow.why));
    list("Flow", [
      ["from", flow.from.join(", ")],
      ["to", flow.to.join(", ")],
      ["wire", flow.wire === "*" ? "every wire" : flow.wire],
      ["ports", flow.ports.join(", ") + (flow.ports.length ? "/" : "") + flow.protocol],
    ]);
    light(new Set([name]));
  };

  const choose = (name) => {
    for (const host of picture.querySelectorAll(".host")) {
      host.classList.toggle("chosen", host.dataset.host === name);
      host.setAttribute("aria-pressed", String(host.dataset.host === name));
    }
    if (name === "controller") showController();
    else if (topology.hosts[name]) showHost(name);
    history.replaceState(null, "", name ? "#" + name : location.pathname);
  };
  const reset = () => {
    choose("");
    details.innerHTML = hint;
    light(null);
  };

  const act = (target) => {
    const host = target.closest("[data-host]");
    const flow = target.closest("[data-flow]");
    if (host) choose(host.dataset.host);
    else if (flow) { choose(""); showFlow(flow.dataset.flow); }
    else return false;
    return true;
  };
  document.addEventListener("click", (event) => {
    if (!act(event.target) && event.target.closest("svg")) reset();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") reset();
    else if ((event.key === "Enter" || event.key === " ") && event.target.closest(".host")) {
      event.preventDefault();
      act(event.target);
    }
  });
  const named = decodeURIComponent(location.hash.slice(1));
  if (named === "controller" || topology.hosts[named]) choose(named);
})();
