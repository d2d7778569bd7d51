"""Pages that people read, of every service: one layout, one set of components, Chinese and English, no scripts.

A service keeps its templates in a folder ``templates`` beside its code, and makes ``Pages("its.package")`` of them
once; they extend ``layout.html`` and import macros from ``components.html``. Every text is ``_("English")`` and stands
in both ``locale/*.po``; a word of the data (a status) is ``code|word("kind of word")``, with that kind as its context.
An endpoint takes ``Reading``, is registered with ``readable`` so that HEAD works, and the service's routers include
``assets.ROUTER``, which serves the stylesheet. tests/unit/pages holds what every page must be.
"""
