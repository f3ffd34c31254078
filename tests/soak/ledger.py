"""What the servers have said about every mail, and whether what is found in the mailboxes agrees with it.

A mail is sent once, under a number of its own. It is *open* from the moment that its end may have reached a server; it is *accepted* after 250, and must
then be found once, whole, in each of its mailboxes, with one unique id, until a session that removes it has got +OK to QUIT. After that it must never be
found again. An open mail is there once or not at all. Of a removal that was not answered, the next session shows whether all of it was done, or nothing.

Nothing here speaks to anybody: clients.py tells it what was said, and in which order.
"""

import itertools


class Broken(Exception):
    """A promise was broken."""


class Removal:
    """A session's deletions, from before its QUIT is sent until it is known what became of them."""

    def __init__(self, numbers):
        self.numbers = frozenset(numbers)
        self.done = None  # unknown


class Mailbox:
    """One user's mailbox."""

    def __init__(self, user):
        self.user = user
        self.digests = {}  # of each mail that is, or may be, in the mailbox
        self.sizes = {}
        self.accepted = set()  # of these
        self.uids = {}  # unique id: number
        self.uid_of = {}
        self.whole = set()  # read at least once, and right
        self.removed = set()
        self.removal = None  # that is not known yet to have been done
        self.session = None  # that has looked last

    @property
    def octets(self):
        """About as many as the mailbox holds."""
        return sum(self.sizes[number] for number in self.accepted)

    def broken(self, what):
        raise Broken(f"{self.user}: {what}")

    # Senders

    def offered(self, number, digest, size):
        """Its end is about to be sent."""
        self.digests[number] = digest
        self.sizes[number] = size

    def took(self, number):
        """250. It may have been read and removed before that was heard."""
        if number not in self.removed:
            self.accepted.add(number)

    def refused(self, number):
        """An error reply for this mailbox alone: then it must not be there."""
        if number in self.uid_of or number in self.removed:
            self.broken(f"mail {number} was refused, and is there")
        self.forget(number)

    def forget(self, number):
        self.digests.pop(number, None)
        self.sizes.pop(number, None)
        self.accepted.discard(number)
        self.whole.discard(number)
        self.uids.pop(self.uid_of.pop(number, None), None)

    # Readers

    def expected(self):
        """What a session that logs in now must find, other than what was removed by then."""
        return frozenset(self.accepted)

    def learn(self, uid, number):
        """A mail was seen under a unique id."""
        if number in self.removed:
            self.broken(f"mail {number} was removed, and is back as {uid}")
        if number not in self.digests:
            self.broken(f"mail {number}, {uid}, was never sent here, or was refused")
        if self.uids.setdefault(uid, number) != number:
            self.broken(f"unique id {uid} was mail {self.uids[uid]}, and is mail {number}")
        if self.uid_of.setdefault(number, uid) != uid:
            self.broken(f"mail {number} was {self.uid_of[number]}, and is {uid}")

    def look(self, session, there, expected):
        """A session's whole list of numbers, all of them learnt."""
        self.session = session
        if len(set(there)) < len(there):
            self.broken(f"there more than once: {sorted(n for n in set(there) if there.count(n) > 1)}")
        there = frozenset(there)
        self.settle(there)
        if back := there & self.removed:
            self.broken(f"removed, and back: {sorted(back)}")
        if lost := expected - there - self.removed:
            self.broken(f"accepted, and lost: {sorted(lost)}")

    def settle(self, there):
        """What became of a removal that nobody has heard the end of."""
        if not (removal := self.removal):
            return
        self.removal = None
        left = removal.numbers & there
        if left and left != removal.numbers:
            self.broken(f"of a removal that was not answered, {len(left)} of {len(removal.numbers)} are there")
        removal.done = not left
        if removal.done:
            self.leave(removal.numbers)

    def is_whole(self, number, digest):
        if self.digests.get(number) != digest:
            self.broken(f"mail {number} is not as it was sent")
        self.whole.add(number)

    def remove(self, session, numbers):
        """QUIT is about to be sent. A session behind which another one has logged in has lost its lock, and can remove nothing any more."""
        assert self.whole.issuperset(numbers), "nothing is removed unread"
        removal = Removal(numbers)
        if self.session is not session:
            removal.done = False
        elif numbers:
            self.removal = removal
        return removal

    def removed_all(self, removal):
        """+OK to QUIT."""
        if removal.done is False and removal.numbers:
            self.broken(f"the removal of {sorted(removal.numbers)} was acknowledged, and was not done")
        if self.removal is removal:
            self.removal = None
        if removal.done is None:
            removal.done = True
            self.leave(removal.numbers)

    def removed_nothing(self, removal):
        """-ERR to QUIT."""
        if removal.done:
            self.broken(f"the removal of {sorted(removal.numbers)} was refused, and was done")
        if self.removal is removal:
            self.removal = None
        removal.done = False

    def leave(self, numbers):
        for number in numbers:
            self.forget(number)
        self.removed |= numbers


class Ledger:
    """All mailboxes that share their senders, and what was counted."""

    def __init__(self, users):
        self.mailboxes = {user: Mailbox(user) for user in users}
        self.numbers = itertools.count(1)

    def offered(self, letter, users):
        for user in users:
            self.mailboxes[user].offered(letter.number, letter.digest, letter.size)

    def took(self, letter, users):
        for user in users:
            self.mailboxes[user].took(letter.number)

    def refused(self, letter, users):
        """Of several, some may have it: the worst of the outcomes is the answer."""
        if len(users) == 1:
            self.mailboxes[users[0]].refused(letter.number)

    def removed(self):
        return sum(len(mailbox.removed) for mailbox in self.mailboxes.values())

    def open(self):
        """How many copies are, or may be, in mailboxes."""
        return sum(len(mailbox.digests) for mailbox in self.mailboxes.values())
