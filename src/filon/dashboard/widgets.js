// Words that Streamlit and Plotly write by themselves, in the language of the page. Only whole texts of widgets are
// replaced: what a project or a reader wrote stays as it is.
(() => {
  const FRENCH = {
    "Select all": "Tout sélectionner",
    "No results": "Aucun résultat",
    "No options to select": "Rien à choisir",
    "No options to select.": "Rien à choisir.",
    "Page not found": "Page introuvable",
    "The page that you have requested does not seem to exist. Running the app's main page.":
      "La page demandée n'existe pas. Voici la première page.",
    "System": "Système",
    "Light": "Clair",
    "Dark": "Sombre",
    "Print": "Imprimer",
    "Record screen": "Enregistrer l'écran",
    "Made with Streamlit": "Fait avec Streamlit",
    "Main menu": "Menu",
    "Sidebar": "Barre latérale",
    "App pages": "Pages",
    "Collapse sidebar": "Replier la barre latérale",
    "Expand sidebar": "Déplier la barre latérale",
    "Skip to main content": "Aller au contenu",
    "Open": "Ouvrir",
    "Close": "Fermer",
    "Dismiss": "Fermer",
    "Clear all": "Tout effacer",
    "Clear value": "Effacer",
    "Remove": "Retirer",
    "Show/hide columns": "Choisir les colonnes",
    "Download as CSV": "Télécharger en CSV",
    "Help": "Aide",
    "Search": "Chercher",
    "Type to search": "Tapez pour chercher",
    "Fullscreen": "Plein écran",
    "Close fullscreen": "Quitter le plein écran",
    "Clear selection": "Effacer la sélection",
    "Copy to clipboard": "Copier",
    "Copied": "Copié",
    "Sort ascending": "Trier en croissant",
    "Sort descending": "Trier en décroissant",
    "Pin column": "Épingler la colonne",
    "Unpin column": "Détacher la colonne",
    "Hide column": "Masquer la colonne",
    "Autosize": "Ajuster la largeur",
    "Format": "Format",
    "Statistics": "Statistiques",
    "Download plot as a PNG": "Télécharger le graphique en PNG",
    "Connection error": "Connexion perdue",
    "Connecting": "Connexion",
    "Press Enter to apply": "Entrée pour valider",
  };
  const HELP = {fr: "Aide : ", en: "Help for "};
  const ENGLISH = Object.fromEntries(Object.entries(FRENCH).map(([english, french]) => [french, english]));
  const OF_LISTS = ["Select all", "No results", "No options to select", "No options to select."];
  const WRITTEN = "[data-testid='stMarkdown'], [data-testid='stCode'], [data-testid='stMetric'], [data-testid='stButton'],"
    + "[data-testid='stCaptionContainer'], [data-testid='stHeading'], [data-testid='stAlert'], table, .js-plotly-plot .main-svg";
  const ATTRIBUTES = ["aria-label", "title", "placeholder", "data-title"];
  const isFrench = () => document.documentElement.lang === "fr";
  const translated = text => {
    const words = isFrench() ? FRENCH : ENGLISH;
    const [from, to] = isFrench() ? [HELP.en, HELP.fr] : [HELP.fr, HELP.en];
    if (text.startsWith(from)) return to + text.slice(from.length);
    const [, first, rest] = text.match(/^([^:]*?)(: .*| v\d.*)?$/s) ?? [];
    return words[text] ?? (first && rest && words[first] ? words[first] + rest : undefined);
  };
  const translateText = node => {
    const text = node.nodeValue.trim(), parent = node.parentElement;
    const words = translated(text);
    if (words === undefined || !parent || parent.closest(WRITTEN)) return;
    const isOption = parent.closest("[role='option'], [role='listbox']");
    if (isOption && !OF_LISTS.includes(text) && !OF_LISTS.includes(ENGLISH[text])) return;
    node.nodeValue = node.nodeValue.replace(text, words);
  };
  const translateElement = element => {
    for (const name of ATTRIBUTES) {
      const words = translated(element.getAttribute(name) ?? "");
      if (words !== undefined) element.setAttribute(name, words);
    }
  };
  const translate = root => {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    for (let node = root; node; node = walker.nextNode()) {
      if (node.nodeType === Node.TEXT_NODE) translateText(node);
      else if (node.nodeType === Node.ELEMENT_NODE) translateElement(node);
    }
  };
  const look = changes => {
    for (const {type, target, addedNodes, attributeName} of changes) {
      if (attributeName === "lang") translate(document.documentElement);
      else if (type === "attributes") translateElement(target);
      else if (type === "characterData") translateText(target);
      else addedNodes.forEach(translate);
    }
  };
  new MutationObserver(look).observe(document.documentElement, {
    attributes: true, attributeFilter: ["lang", ...ATTRIBUTES], characterData: true, childList: true, subtree: true,
  });
})();
