"""`sftcore try`: a local page on which a finished run's model is asked, and shows what it says and why.

Needs the extra `try` (starlette and uvicorn), which is imported only in `app` and `server`.
"""
