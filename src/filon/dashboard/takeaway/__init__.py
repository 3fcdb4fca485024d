"""Pages and tables to take away, made from definitions and the API's answers: Excel, CSV and PDF."""
