"""Asks the server the same question again and again while something else runs."""

import threading


class Sampler:
    """Runs `query` every `interval` seconds while it is entered, in a thread and a session of its own.

    A subclass says in `note` what to do with the rows of an answer.
    """

    def __init__(self, server, name, interval, query):
        self.server, self.name, self.interval, self.query = server, name, interval, query
        self.stop = threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self._sample)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()

    def _sample(self):
        with self.server.connect("postgres", self.name) as db:
            while not self.stop.wait(self.interval):
                self.note(db.query(self.query))

    def note(self, rows):
        raise NotImplementedError
