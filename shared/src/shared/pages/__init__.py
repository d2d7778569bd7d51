"""Pages that people read, of every service: one layout, one set of components, Chinese and English, no scripts.

A service has its own templates beside its code and gives them to ``Pages``; they extend ``layout.html`` and import from
``components.html``. Every text stands in both catalogues (``locale/*.po``). See README.md of this folder.
"""
