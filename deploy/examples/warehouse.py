#!/usr/bin/env python3
"""A warehouse system that works for Ordo: follows fulfilment's events and answers over gRPC.

It stores nothing. JetStream remembers what it has acknowledged, and every command carries an id made from the event that it
answers, so an event that comes twice is acted on once. docs/EVENTS.md explains everything that happens here.

On a cluster that `ordo up` started in .ordo/:

    python=$(deploy/examples/fetch-python)                          # its packages, pinned by hash, in .tools/
    $python deploy/examples/warehouse.py setup --home .ordo         # once, as the broker's operator
    $python deploy/examples/warehouse.py run --home .ordo           # as the restricted user

Without `--home`, name the addresses and files yourself: `warehouse.py run --help`.
"""

import argparse
import asyncio
import atexit
import contextlib
import hashlib
import json
import logging
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import urllib.parse

import grpc
import nats
from google.protobuf import message_factory, symbol_database
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError, NotFoundError

log = logging.getLogger("warehouse")

AGGREGATE = "fulfilment_order"
STREAM = "ORDO_FULFILMENT_{}"
# More partitions than any log here has; looking stops at the first that does not exist.
MOST_PARTITIONS = 64
CALL_SECONDS = 10
# After so long without a sign of life the broker gives a message out again; work that goes on gives one three times as often.
ACK_WAIT_SECONDS = 15

# Nothing was decided, or nobody knows: the same command again.
TRANSIENT = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.UNKNOWN,
    # The token ran out, or the service learns new keys: it is read again for every call.
    grpc.StatusCode.UNAUTHENTICATED,
}


class Refused(Exception):
    """Ordo decided: no."""

    def __init__(self, error: grpc.aio.AioRpcError):
        self.code = error.code()
        self.reason, self.way_out = "", ""
        status = rpc_status.from_call(error)
        for detail in status.details if status else ():
            info = error_details_pb2.ErrorInfo()
            if detail.Is(info.DESCRIPTOR) and detail.Unpack(info):
                self.reason, self.way_out = info.reason, info.metadata.get("way_out", "")
        super().__init__(f"{self.reason or self.code.name}: {error.details()} {self.way_out}".rstrip())


# --- generated code -------------------------------------------------------------------------------------------------------


def load_protos(proto: pathlib.Path) -> None:
    """Generates Python code from the published protos into a folder that only this process uses, and makes it importable."""
    from grpc_tools import protoc

    files = sorted(str(path.relative_to(proto)) for path in proto.rglob("*.proto"))
    if not files:
        raise SystemExit(f"{proto} holds no .proto files; name the folder with --proto")
    # Made with a name that nobody can foresee and open to this user only: nobody else's code is ever imported from it.
    out = tempfile.mkdtemp(prefix="ordo-warehouse-")
    atexit.register(shutil.rmtree, out, ignore_errors=True)
    # Well-known types come with grpcio-tools.
    bundled = pathlib.Path(protoc.__file__).parent / "_proto"
    arguments = ["protoc", f"-I{proto}", f"-I{bundled}", f"--python_out={out}", f"--grpc_python_out={out}", *files]
    if protoc.main(arguments) != 0:
        raise SystemExit("the protos could not be compiled")
    sys.path.insert(0, out)


def decode(type_name: str, payload: bytes):
    """The message that `ce-type` names; None for a type that this version of the protos does not have."""
    try:
        descriptor = symbol_database.Default().pool.FindMessageTypeByName(type_name)
    except KeyError:
        return None
    return message_factory.GetMessageClass(descriptor).FromString(payload)


# --- commands -------------------------------------------------------------------------------------------------------------


class Fulfilment:
    """Calls the fulfilment service, again and again until it has decided."""

    def __init__(self, address: str, token_file: pathlib.Path, ca_file: pathlib.Path | None):
        from ordo.fulfilment.v1 import service_pb2_grpc

        target = address.removeprefix("http://").removeprefix("https://")
        options = [("grpc.keepalive_time_ms", 30_000)]
        if address.startswith("https://"):
            roots = ca_file.read_bytes() if ca_file else None
            credentials = grpc.ssl_channel_credentials(root_certificates=roots)
            self.channel = grpc.aio.secure_channel(target, credentials, options=options)
        else:
            self.channel = grpc.aio.insecure_channel(target, options=options)
        self.stub = service_pb2_grpc.FulfilmentStub(self.channel)
        self.token_file = token_file

    async def call(self, method: str, request):
        """Sends a command until it is decided. The id inside it makes that safe."""
        pause = 0.1
        while True:
            try:
                token = self.token_file.read_text().strip()
                metadata = (("authorization", f"Bearer {token}"),)
                return await getattr(self.stub, method)(request, metadata=metadata, timeout=CALL_SECONDS)
            except grpc.aio.AioRpcError as error:
                if error.code() not in TRANSIENT:
                    raise Refused(error) from error
                log.warning("%s: %s: %s; again in %.1f s", method, error.code().name, error.details(), pause)
            except OSError as error:
                log.warning("the token cannot be read: %s; again in %.1f s", error, pause)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, 5.0)

    async def close(self) -> None:
        await self.channel.close(grace=1)


# --- work -----------------------------------------------------------------------------------------------------------------


class Warehouse:
    """Does what the events say."""

    def __init__(self, fulfilment: Fulfilment, site: str, carrier: str):
        from ordo.fulfilment.v1 import service_pb2
        from ordo.type.v1 import type_pb2

        self.fulfilment, self.site, self.carrier = fulfilment, site, carrier
        self.requests, self.types = service_pb2, type_pb2

    async def handle(self, message) -> None:
        """Acts on one message. Returns when it may be acknowledged."""
        headers = message.headers or {}
        type_name = headers.get("ce-type", "")
        event = decode(type_name, message.data)
        if event is None:
            log.warning("passed over an event of the unknown type `%s`", type_name)
            return
        kind = type_name.rsplit(".", 1)[-1]
        subject = urllib.parse.unquote(headers["ordo-aggregate-id"])
        if kind == "FulfilmentOrderOpened":
            if self.site and event.site_id != self.site:
                return
            if event.delivery_method == "TAKE_AWAY":
                return  # The customer has it already.
            await self.work(event, headers["ce-id"])
        elif kind == "FulfilmentOrderCancelled":
            units = ", ".join(f"{line.quantity} x {line.sku}" for line in event.lines)
            log.info("%s: cancelled (%s); put back: %s", subject, event.cause, units or "nothing")
        elif kind == "FulfilmentAddressChanged":
            log.info("%s: the recipient changed; print the label again", subject)
        else:
            log.debug("%s: %s", subject, kind)

    async def work(self, order, event_id: str) -> None:
        """Picks, checks, packs and dispatches one fulfilment order."""
        id = order.fulfilment_order_id
        try:
            for method, label, request in self.steps(order):
                # The id follows from the event and the step: whoever sends the step again sends the same command.
                request.header.command_id = f"{event_id}/{label}"
                request.fulfilment_order_id = id
                await self.fulfilment.call(method, request)
        except Refused as refused:
            # Decided: cancelled meanwhile, worked by somebody else, or wrong. Waiting would not change it.
            log.warning("%s: left alone: %s", id, refused)
            return
        log.info("%s: dispatched", id)

    def steps(self, order):
        requests = self.requests
        yield "StartPicking", "start", requests.StartPickingRequest()
        for line in order.lines:
            # A robot's camera would give the barcode; the SKU's own code is as good.
            pick = requests.RecordPickRequest(line_id=line.line_id, quantity=line.quantity, barcode=line.sku)
            yield "RecordPick", f"pick/{line.line_id}", pick
        yield "RecordCheck", "check", requests.RecordCheckRequest()
        yield "Pack", "pack", requests.PackRequest(parcels=[requests.PackParcel(carton="M")])
        # A number that follows from the order: a second try must ask for the same thing.
        number = hashlib.sha256(order.fulfilment_order_id.encode()).hexdigest()[:12].upper()
        yield "Dispatch", "dispatch", requests.DispatchRequest(carrier=self.carrier, tracking_number=f"EX{number}")


class Follower:
    """Pulls one partition's durable consumer, in order, for ever."""

    def __init__(self, jetstream, partition: int, durable: str, warehouse: Warehouse):
        self.jetstream, self.durable, self.warehouse = jetstream, durable, warehouse
        self.stream = STREAM.format(partition)
        self.idle_since: float | None = None

    async def run(self, stop: asyncio.Event) -> None:
        subscription = None
        while not stop.is_set():
            try:
                if subscription is None:
                    subscription = await self.jetstream.pull_subscribe_bind(self.durable, stream=self.stream)
                [message] = await subscription.fetch(1, timeout=5)
            except asyncio.TimeoutError:
                # Nothing to do. A consumer that is gone looks the same, so it is asked for.
                subscription = await self.look_after(subscription)
                continue
            except (NatsError, APIError, ConnectionError) as error:
                log.warning("%s: %s; again in a second", self.stream, error or type(error).__name__)
                await self.drop(subscription)
                subscription = None
                await asyncio.sleep(1)
                continue
            self.idle_since = None
            alive = asyncio.create_task(self.stay_alive(message))
            try:
                await self.warehouse.handle(message)
                await message.ack()
            except (NatsError, ConnectionError) as error:
                # Not acknowledged: it comes again, and is then done already.
                log.warning("%s: could not acknowledge: %s", self.stream, error)
            finally:
                alive.cancel()
        await self.drop(subscription)

    @staticmethod
    async def stay_alive(message) -> None:
        """Tells the broker that work goes on, so that it does not give the message to somebody else."""
        while True:
            await asyncio.sleep(ACK_WAIT_SECONDS / 3)
            with contextlib.suppress(NatsError, ConnectionError):
                await message.in_progress()

    async def look_after(self, subscription):
        try:
            info = await self.jetstream.consumer_info(self.stream, self.durable)
            if info.num_pending or info.num_ack_pending:
                self.idle_since = None  # Somebody was given a message and did not acknowledge it: it comes again.
            else:
                self.idle_since = self.idle_since or asyncio.get_running_loop().time()
            return subscription
        except NotFoundError:
            log.error("%s has no consumer `%s` (any more): run `warehouse.py setup` again", self.stream, self.durable)
        except (asyncio.TimeoutError, NatsError, APIError, ConnectionError) as error:
            log.warning("%s: the broker does not answer: %s", self.stream, error or type(error).__name__)
        await self.drop(subscription)
        await asyncio.sleep(1)
        return None

    @staticmethod
    async def drop(subscription) -> None:
        if subscription is not None:
            with contextlib.suppress(Exception):
                await subscription.unsubscribe()


# --- the broker -----------------------------------------------------------------------------------------------------------


async def connect(options, user: str, password_file: pathlib.Path | None):
    """Connects for good: goes on through every restart of the broker."""

    async def complain(error: Exception) -> None:
        # Refused permissions show up only here: the call itself just times out.
        log.warning("broker: %s", error or type(error).__name__)

    async def lost() -> None:
        if not client.is_closed:
            log.warning("broker: connection lost")

    async def found() -> None:
        log.info("broker: connected again")

    password = password_file.read_text().strip() if password_file else None
    client = nats.NATS()
    await client.connect(
        options.nats,
        user=user or None,
        password=password,
        name=f"warehouse-{user}",
        # Answers come back on the user's own subjects; no other user can read them.
        inbox_prefix=f"_INBOX_{user}".encode() if user else b"_INBOX",
        allow_reconnect=True,
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        error_cb=complain,
        disconnected_cb=lost,
        reconnected_cb=found,
    )
    return client


async def setup(options) -> None:
    """Makes a durable consumer on every partition, as an administrator."""
    client = await connect(options, options.user, options.password_file)
    jetstream = client.jetstream(timeout=10)
    made = 0
    for partition in range(MOST_PARTITIONS):
        config = ConsumerConfig(
            durable_name=options.name,
            description=f"warehouse system {options.name} of {options.tenant}",
            filter_subject=f"ordo.fulfilment.{partition}.{options.tenant}.{AGGREGATE}.>",
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT_SECONDS,
            max_ack_pending=1,
            max_deliver=-1,
        )
        try:
            await jetstream.add_consumer(STREAM.format(partition), config)
        except NotFoundError:
            break
        made += 1
    await client.close()
    if not made:
        raise SystemExit(f"there is no stream {STREAM.format(0)}: has fulfilment been started?")
    log.info("consumer `%s` is there on %d partition(s)", options.name, made)


async def partitions(jetstream, durable: str) -> int:
    """How many partitions have the consumer."""
    for partition in range(MOST_PARTITIONS):
        try:
            await jetstream.consumer_info(STREAM.format(partition), durable)
        except NotFoundError:
            return partition
        except asyncio.TimeoutError as error:
            # Silence means that the user may not ask about this one.
            if partition:
                return partition
            raise SystemExit(f"no answer about the consumer `{durable}`: broker away, or no permission") from error
    return MOST_PARTITIONS


async def run(options) -> None:
    load_protos(options.proto)
    import ordo.fulfilment.v1.events_pb2  # noqa: F401  registers the events for decode()

    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    client = await connect(options, options.user, options.password_file)
    jetstream = client.jetstream(timeout=5)
    count = await partitions(jetstream, options.name)
    if not count:
        raise SystemExit(f"there is no consumer `{options.name}`: run `warehouse.py setup` first")
    fulfilment = Fulfilment(options.fulfilment, options.token_file, options.ca_file)
    warehouse = Warehouse(fulfilment, options.site, options.carrier)
    followers = [Follower(jetstream, partition, options.name, warehouse) for partition in range(count)]
    log.info("following %d partition(s)%s", count, f" for the site {options.site}" if options.site else "")
    tasks = [asyncio.create_task(follower.run(stop)) for follower in followers]
    if options.until_idle:
        tasks.append(asyncio.create_task(stop_when_idle(followers, options.until_idle, stop)))
    # The first that fails ends the program; otherwise they end together.
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    stop.set()
    await fulfilment.close()
    await client.close()
    for task in done:
        task.result()


async def stop_when_idle(followers, seconds: float, stop: asyncio.Event) -> None:
    while not stop.is_set():
        now = asyncio.get_running_loop().time()
        idle = [follower.idle_since is not None and now - follower.idle_since >= seconds for follower in followers]
        if all(idle):
            stop.set()
        await asyncio.sleep(0.2)


# --- the command line -----------------------------------------------------------------------------------------------------


def arguments(argv=None):
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["setup", "run"], help="make the consumers, or work")
    path = pathlib.Path
    parser.add_argument("--home", type=path, help="folder of a cluster that `ordo up` started: fills in everything below")
    parser.add_argument("--nats", help="address of the broker, nats://host:port")
    parser.add_argument("--user", help="user at the broker: an administrator for setup, the restricted one for run")
    parser.add_argument("--password-file", type=path, help="file with the user's password")
    parser.add_argument("--name", help="name of the durable consumers [warehouse]", default="warehouse")
    parser.add_argument("--tenant", help="whose events (setup)")
    parser.add_argument("--fulfilment", help="address of the fulfilment service, http(s)://host:port")
    parser.add_argument("--token-file", type=path, help="file with a token of the role `warehouse`, read for every call")
    parser.add_argument("--ca-file", type=path, help="authority of the service's certificate, PEM")
    parser.add_argument("--site", default="", help="work for this site only")
    parser.add_argument("--carrier", default="example", help="carrier to dispatch with [example]")
    parser.add_argument("--proto", type=path, default=here.parent.parent / "proto", help="folder of the published protos")
    parser.add_argument("--until-idle", type=float, help="stop after so many seconds without work")
    parser.add_argument("--verbose", action="store_true", help="say more")
    options = parser.parse_args(argv)
    if options.home:
        fill_in(options)
    needed = ["nats", "tenant"] if options.command == "setup" else ["nats", "fulfilment", "token_file"]
    missing = [f"--{name.replace('_', '-')}" for name in needed if not getattr(options, name)]
    if missing:
        parser.error(f"give {', '.join(missing)}, or --home")
    options.user = options.user or ""
    return options


def fill_in(options) -> None:
    """Takes what is not given from a cluster's folder."""
    cluster = json.loads((options.home / "cluster.json").read_text())
    keys = options.home / "keys"
    user = "operator" if options.command == "setup" else "warehouse"
    options.nats = options.nats or cluster["nats"]
    options.tenant = options.tenant or cluster["tenant"]
    options.fulfilment = options.fulfilment or cluster["services"]["fulfilment"]
    options.token_file = options.token_file or keys / "warehouse.token"
    if not options.user:
        options.user, options.password_file = user, keys / f"nats-{user}.password"


def main() -> None:
    options = arguments()
    level = logging.DEBUG if options.verbose else logging.INFO
    logging.basicConfig(format="%(asctime)s %(levelname)-7s %(message)s", level=logging.WARNING)
    log.setLevel(level)
    logging.getLogger("nats").setLevel(logging.CRITICAL)  # said by the callbacks
    asyncio.run(setup(options) if options.command == "setup" else run(options))


if __name__ == "__main__":
    main()
