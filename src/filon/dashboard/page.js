// Calendars and numbers that Streamlit writes by itself are in the language of the page, with the habits of the reader's
// country (the first day of the week), instead of the language of the browser.
(() => {
  const own = new Intl.Locale(navigator.language);
  const language = () => {
    const page = document.documentElement.lang;
    return !page || own.language === page ? own.baseName : `${page}-${own.maximize().region}`;
  };
  Object.defineProperty(navigator, "language", {get: language, configurable: true});
  Object.defineProperty(navigator, "languages", {get: () => [language()], configurable: true});
})();
