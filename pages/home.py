"""What the app serves: page settings, who may enter, the sidebar, navigation, the engine; nothing else."""

from __future__ import annotations

import streamlit as st

from multimodal.ui import access, ahead, sidebar
from multimodal.ui.theme import MARK

st.set_page_config(page_title="Multimodal Diagnosis", page_icon=str(MARK), layout="wide")

PAGES = (
    st.Page("diagnose.py", title="Diagnose", icon=":material/stethoscope:", default=True),
    st.Page("compare.py", title="Compare", icon=":material/compare_arrows:"),
    st.Page("model_lab.py", title="Model lab", icon=":material/experiment:"),
    st.Page("cases.py", title="Cases", icon=":material/inventory_2:"),
    st.Page("model_cards.py", title="Model cards", icon=":material/description:"),
)

access.require()
sidebar.draw()
st.navigation(PAGES, position="top").run()
ahead.when_painted(sidebar.chosen())
