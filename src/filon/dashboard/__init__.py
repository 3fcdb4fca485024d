"""The dashboard: pages over the API, and over nothing else.

``app.py`` is the script that Streamlit runs, once for every change that a user makes.
"""
