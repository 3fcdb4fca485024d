"""The dashboard: pages over the API, its only source of data.

``app.py`` is the script that Streamlit runs for every change that a user makes.
"""
