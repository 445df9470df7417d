"""Programs as people write them, by what they show. `mp` is the library, `{mp}` its name."""

from __future__ import annotations

__all__ = ["PROGRAMS"]

SENTINEL = """
def producer(q, n):
    for i in range(n):
        q.put(i)
    q.put(None)

def consumer(q, out):
    total = 0
    while (item := q.get()) is not None:
        total += item
    out.put(total)

if __name__ == "__main__":
    q, out = mp.Queue(), mp.Queue()
    ps = [mp.Process(target=producer, args=(q, 200)), mp.Process(target=consumer, args=(q, out))]
    for p in ps: p.start()
    for p in ps: p.join()
    print(out.get(), [p.exitcode for p in ps], q.empty())
"""

TASKS = """
class Consumer(mp.Process):
    def __init__(self, tasks, results):
        super().__init__()
        self.tasks, self.results = tasks, results

    def run(self):
        while True:
            task = self.tasks.get()
            if task is not None:
                self.results.put(task())
            self.tasks.task_done()
            if task is None:
                return

class Task:
    def __init__(self, a, b): self.a, self.b = a, b
    def __call__(self): return f"{self.a} * {self.b} = {self.a * self.b}"

if __name__ == "__main__":
    tasks, results = mp.JoinableQueue(), mp.Queue()
    workers = [Consumer(tasks, results) for _ in range(2)]
    for w in workers: w.start()
    for i in range(10): tasks.put(Task(i, i))
    for _ in workers: tasks.put(None)
    tasks.join()
    print(sorted(results.get() for _ in range(10)))
    for w in workers: w.join()
    try: tasks.task_done()
    except ValueError as error: print(error)
"""

PING_PONG = """
def echo(conn):
    while (got := conn.recv()) != "stop":
        conn.send((got, got * 2))
    conn.send_bytes(b"bye")
    conn.close()

if __name__ == "__main__":
    a, b = mp.Pipe()
    p = mp.Process(target=echo, args=(b,))
    p.start()
    b.close()
    for one in (1, "x", [1, 2]):
        a.send(one)
        print(a.recv())
    print(a.poll(), a.poll(0.05))
    a.send("stop")
    print(a.recv_bytes())
    p.join()
    try: a.recv()
    except EOFError: print("the end")
    r, w = mp.Pipe(False)
    for wrong in (lambda: r.send(1), w.recv):
        try: wrong()
        except OSError as error: print(error)
"""

COUNTERS = """
def work(total, counts, lock, i):
    for _ in range(10):
        with lock:
            total.value += 1
        with counts.get_lock():
            counts[i % 4] += 1

if __name__ == "__main__":
    total, counts, lock = mp.Value("i", 0, lock=False), mp.Array("i", 4), mp.Lock()
    ps = [mp.Process(target=work, args=(total, counts, lock, i)) for i in range(8)]
    for p in ps: p.start()
    for p in ps: p.join()
    print(total.value, counts[:], [p.exitcode for p in ps])
"""

STRUCTURES = """
from ctypes import Structure, c_double
class Point(Structure):
    _fields_ = [("x", c_double), ("y", c_double)]

def modify(n, x, s, points):
    n.value **= 2
    x.value **= 2
    s.value = s.value.upper()
    for a in points:
        a.x **= 2
        a.y **= 2

if __name__ == "__main__":
    lock = mp.Lock()
    n, x = mp.Value("i", 7), mp.Value(c_double, 1 / 3, lock=False)
    s = mp.Array("c", b"hello world", lock=lock)
    points = mp.Array(Point, [(1.875, -6.25), (-5.75, 2.0)], lock=lock)
    p = mp.Process(target=modify, args=(n, x, s, points))
    p.start()
    p.join()
    print(n.value, x.value, s.value, [(a.x, a.y) for a in points], s.get_lock() is lock)
"""

BOUNDED_BUFFER = """
def produce(cond, buffer, n):
    for i in range(n):
        with cond:
            while len(buffer) >= 2:
                cond.wait()
            buffer.append(i)
            cond.notify_all()

def consume(cond, buffer, n, out):
    got = []
    for _ in range(n):
        with cond:
            cond.wait_for(lambda: len(buffer) > 0)
            got.append(buffer.pop(0))
            cond.notify_all()
    out.put(got)

if __name__ == "__main__":
    manager = mp.Manager()
    buffer, cond, out = manager.list(), mp.Condition(), mp.Queue()
    ps = [mp.Process(target=produce, args=(cond, buffer, 9)) for _ in range(2)]
    ps += [mp.Process(target=consume, args=(cond, buffer, 6, out)) for _ in range(3)]
    for p in ps: p.start()
    print(sorted(sum((out.get() for _ in range(3)), [])))
    for p in ps: p.join()
    print(len(buffer), [p.exitcode for p in ps])
"""

NESTED_MANAGER = """
def work(d, k):
    d["lists"][k].append(k)
    d["squares"][k] = k * k
    with d["lock"]:
        d["count"] += 1

if __name__ == "__main__":
    with mp.Manager() as m:
        d = m.dict(count=0, squares=m.dict(), lists=m.list([m.list() for _ in range(4)]), lock=m.Lock())
        with mp.Pool(2) as pool:
            pool.starmap(work, [(d, k) for k in range(4)])
        print([list(x) for x in d["lists"]], sorted(d["squares"].items()), d["count"])
        ns = m.Namespace(x=10, y="hello")
        ns._z = 12.3
        v, a = m.Value("i", 5), m.Array("i", [1, 2, 3])
        v.value += 1
        a[0] = 9
        print(ns, v, v.value, a)
        e = m.dict({"a": [1]})
        e["a"].append(2)
        print(e["a"], e, len(e), {**e})
"""

EXIT_CODES = """
import os, signal, sys, time
def leave(): sys.exit(3)
def vanish(): os._exit(4)
def fail(): raise RuntimeError("a bug")
def fine(): return 5
def die(): os.kill(os.getpid(), signal.SIGKILL)
def say(): sys.exit("a message")

if __name__ == "__main__":
    ps = [mp.Process(target=f, name=f.__name__) for f in (leave, vanish, fail, fine, die, say)]
    for p in ps: p.start()
    for p in ps: p.join()
    print([(p.name, p.exitcode) for p in ps])
    p = mp.Process(target=time.sleep, args=(60,), daemon=True)
    print(p.exitcode, p.is_alive(), p.pid)
    p.start()
    print(p.exitcode, p.is_alive(), mp.active_children() == [p])
    p.terminate()
    p.join()
    print(p.exitcode, p.is_alive(), mp.active_children())
"""

POOL_WITH_GLOBALS = """
def init(lock, queue, total):
    global shared
    shared = lock, queue, total

def work(i):
    lock, queue, total = shared
    with lock:
        total.value += 1
    queue.put(i)
    return i

if __name__ == "__main__":
    given = mp.Lock(), mp.Queue(), mp.Value("i", 0)
    with mp.Pool(2, initializer=init, initargs=given) as pool:
        print(sum(pool.map(work, range(20))))
    print(given[2].value, sorted(given[1].get() for _ in range(20)))
"""

POOL_CALLS = """
def plus(x): return x + 1
def bad(x):
    if x == 3: raise ValueError("bad 3")
    return x

if __name__ == "__main__":
    pool = mp.Pool(2)
    print(sum(pool.imap_unordered(plus, range(500), chunksize=100)), sum(pool.imap(plus, iter(range(500)), 333)))
    got, errors = [], []
    pool.map_async(plus, range(5), callback=got.append, error_callback=errors.append).wait(30)
    r = pool.map_async(bad, range(5), callback=got.append, error_callback=errors.append)
    r.wait(30)
    print(r.successful(), got, [repr(e) for e in errors])
    import time
    later = pool.apply_async(time.sleep, (1,))
    try: later.get(0.05)
    except mp.TimeoutError: print("no patience")
    try: pool.join()
    except ValueError as error: print(error)
    pool.close()
    pool.join()
    print(later.ready(), later.get())
    try: pool.apply(plus, (1,))
    except ValueError as error: print(error)
"""

MANY_PIPES = """
from {mp}.connection import wait

def send(w, name):
    for i in range(3):
        w.send((i, name))
    w.close()

if __name__ == "__main__":
    readers, got = [], []
    for i in range(3):
        r, w = mp.Pipe(duplex=False)
        readers.append(r)
        mp.Process(target=send, args=(w, f"P{i}")).start()
        w.close()
    while readers:
        for r in wait(readers):
            try: got.append(r.recv())
            except EOFError: readers.remove(r)
    print(sorted(got))
"""

CUSTOM_MANAGER = """
from {mp}.managers import BaseManager

class Counter:
    def __init__(self): self.n = 0
    def add(self, by): self.n += by
    def get(self): return self.n

class MyManager(BaseManager): pass
MyManager.register("Counter", Counter)

def work(counter):
    for _ in range(5):
        counter.add(2)

if __name__ == "__main__":
    with MyManager() as m:
        counter = m.Counter()
        ps = [mp.Process(target=work, args=(counter,)) for _ in range(3)]
        for p in ps: p.start()
        for p in ps: p.join()
        print(counter.get())
"""

GRANDCHILDREN = """
def square(x): return x * x
def leaf(q): q.put(mp.current_process().name)
def middle(q):
    ps = [mp.Process(target=leaf, args=(q,)) for _ in range(2)]
    for p in ps: p.start()
    for p in ps: p.join()
    with mp.Pool(2) as pool:
        q.put(str(pool.map(square, range(4))))

if __name__ == "__main__":
    q = mp.Queue()
    p = mp.Process(target=middle, args=(q,))
    p.start()
    p.join()
    print(p.exitcode, sorted(q.get() for _ in range(3)))
"""

PROGRAMS = {
    "a sentinel ends the consumer": SENTINEL,
    "tasks are objects in a JoinableQueue": TASKS,
    "a duplex pipe": PING_PONG,
    "counters behind locks": COUNTERS,
    "structures of ctypes": STRUCTURES,
    "a bounded buffer by a Condition": BOUNDED_BUFFER,
    "a manager's dict of lists": NESTED_MANAGER,
    "exit codes": EXIT_CODES,
    "a pool whose initializer keeps a Lock": POOL_WITH_GLOBALS,
    "a pool's calls with callbacks and time-outs": POOL_CALLS,
    "wait for many pipes": MANY_PIPES,
    "a manager of one's own": CUSTOM_MANAGER,
    "processes and a pool inside a process": GRANDCHILDREN,
}
