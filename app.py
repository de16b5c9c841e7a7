"""The app's front door, which ``streamlit run`` opens: ``pages/home.py`` behind the guard of every request."""

from __future__ import annotations

import streamlit as st
from starlette.middleware import Middleware

from multimodal.ui.door import Door, keep_private

keep_private()
app = st.App("pages/home.py", middleware=[Middleware(Door)])
