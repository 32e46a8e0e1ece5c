-- Shows the protocol of socklab in Wireshark, over TCP and over UDP. How to load it: docs/wireshark.md.
--
-- Over UDP a datagram that begins with 0xF9 has the header of docs/protocol.md; any other is a bare
-- message. Over TCP there is no header: a message is a line. What breaks the rules is marked, and
-- the rest is shown as far as it goes.

local socklab = Proto("socklab", "socklab, one protocol over TCP and UDP")

local TYPES = {
  [0] = "REQUEST",
  [1] = "REPLY",
  [2] = "ACK",
  [3] = "BUSY",
  [4] = "CHALLENGE",
  [5] = "BYE",
  [6] = "HELLO",
  [7] = "WELCOME",
  [8] = "PING",
  [9] = "PONG",
  [10] = "STALE",
}

local BYE_REASONS = {
  [0] = "none",
  [1] = "shutdown",
  [2] = "out of range",
  [3] = "idle",
  [4] = "the client leaves",
}

local MAGIC = 0xf9

-- The header: name, first byte, length in bytes, which bits of them, how to show it, and the names
-- of its values. Wireshark knows "message id" as socklab.message_id.
local HEADER = {
  { "magic", 0, 1, 0xff, "hexadecimal" },
  { "type", 1, 1, 0xf0, "decimal", TYPES },
  { "with cookie", 1, 1, 0x08, "flag" },
  { "idempotent", 1, 1, 0x04, "flag" },
  { "reserved bits", 1, 1, 0x03, "decimal" },
  { "attempt", 2, 1, 0xff, "decimal" },
  { "bye reason", 3, 1, 0xff, "decimal", BYE_REASONS },
  { "payload length", 4, 2, 0xffff, "decimal" },
  { "reserved", 6, 2, 0xffff, "decimal" },
  { "token", 8, 4, 0xffffffff, "hexadecimal" },
  { "message id", 12, 4, 0xffffffff, "hexadecimal" },
}
local HEADER_LENGTH = 16

-- Behind the header, if the flag is set.
local COOKIE_LENGTH = 8
local EPOCH_LENGTH = 2 -- in clear; the rest is a keyed hash

-- No message is longer (server --max-message). What is longer has no line ends: it is not put together.
local LONGEST_MESSAGE = 65483

local UNSIGNED = { ProtoField.uint8, ProtoField.uint16, [4] = ProtoField.uint32 }
local BASES = { decimal = base.DEC, hexadecimal = base.HEX }

local function header_field(name, length, bits, show, values)
  local filter = "socklab." .. name:gsub(" ", "_")
  if show == "flag" then return ProtoField.bool(filter, name, 8, nil, bits) end
  local is_whole = bits == 2 ^ (8 * length) - 1
  return UNSIGNED[length](filter, name, BASES[show], values, not is_whole and bits or nil)
end

local fields = {
  cookie = ProtoField.bytes("socklab.cookie", "cookie"),
  epoch = ProtoField.uint16("socklab.cookie.epoch", "this start of the server", base.HEX),
  hash = ProtoField.bytes("socklab.cookie.hash", "keyed hash"),
  beginning = ProtoField.framenum("socklab.beginning", "begins in packet"),
  request = ProtoField.string("socklab.request", "request"),
  reply = ProtoField.string("socklab.reply", "reply"),
  text = ProtoField.string("socklab.text", "text"),
}
for _, row in ipairs(HEADER) do
  local name, _, length, bits, show, values = table.unpack(row)
  fields[name] = header_field(name, length, bits, show, values)
end
socklab.fields = fields

local function warning(name, text)
  return ProtoExpert.new("socklab." .. name, text, expert.group.PROTOCOL, expert.severity.WARN)
end

local too_short = warning("short", "shorter than its header")
local unknown_type = warning("unknown_type", "unknown type")
local wrong_length = warning("wrong_length", "the length field lies")
local no_line_end = ProtoExpert.new("socklab.no_line_end", "no line end so far",
  expert.group.SEQUENCE, expert.severity.CHAT)
socklab.experts = { too_short, unknown_type, wrong_length, no_line_end }

socklab.prefs.port = Pref.uint("Port", 12000, "The port of the server, of TCP and of UDP")
socklab.prefs.raw = Pref.bool("Every segment is a message", false,
  "Over TCP: line ends mean nothing (--framing raw)")

-- A text in the tree, and in the column beside the packet: there without what could move a cursor.
local function show_text(tree, pinfo, field, range)
  local item = tree:add_packet_field(field, range, ENC_UTF_8)
  pinfo.cols.info:append(' "' .. range:string(ENC_UTF_8):gsub("%c", ".") .. '"')
  return item
end

local function is_for_server(pinfo)
  return pinfo.dst_port == socklab.prefs.port
end

-- Over UDP -----------------------------------------------------------------------------------------

local function show_cookie(tree, tvb)
  local cookie = tree:add(fields.cookie, tvb(HEADER_LENGTH, COOKIE_LENGTH))
  cookie:add(fields.epoch, tvb(HEADER_LENGTH, EPOCH_LENGTH))
  cookie:add(fields.hash, tvb(HEADER_LENGTH + EPOCH_LENGTH, COOKIE_LENGTH - EPOCH_LENGTH))
end

-- The fields that are there: the datagram may be cut, and so may be what was captured of it.
local function show_header(tree, tvb)
  for _, row in ipairs(HEADER) do
    local name, first, length = table.unpack(row)
    if first + length > tvb:len() then return end
    tree:add(fields[name], tvb(first, length))
  end
end

local function show_framed(tvb, pinfo, tree)
  show_header(tree, tvb)
  if tvb:len() < HEADER_LENGTH then
    pinfo.cols.info = "shorter than its header"
    tree:add_proto_expert_info(too_short)
    return
  end
  local kind = TYPES[tvb(1, 1):bitfield(0, 4)]
  local attempt, message_id = tvb(2, 1):uint(), tvb(12, 4):uint()
  pinfo.cols.info = string.format("%s id %08x", kind or "unknown type", message_id)
  if attempt > 1 then pinfo.cols.info:append(string.format(" attempt %d", attempt)) end
  if not kind then tree:add_proto_expert_info(unknown_type) end

  local start = HEADER_LENGTH
  if tvb(1, 1):bitfield(4, 1) == 1 then
    start = start + COOKIE_LENGTH
    if tvb:len() < start then
      tree:add_proto_expert_info(too_short)
      return
    end
    show_cookie(tree, tvb)
  end
  if tvb:reported_len() - start ~= tvb(4, 2):uint() then tree:add_proto_expert_info(wrong_length) end
  if tvb:len() > start then
    local texts = { REQUEST = fields.request, REPLY = fields.reply }
    show_text(tree, pinfo, texts[kind] or fields.text, tvb(start))
  end
end

local function show_datagram(tvb, pinfo, tree)
  if tvb(0, 1):uint() == MAGIC then
    show_framed(tvb, pinfo, tree)
  else
    pinfo.cols.info = is_for_server(pinfo) and "bare request" or "bare reply"
    show_text(tree, pinfo, is_for_server(pinfo) and fields.request or fields.reply, tvb())
  end
end

-- Over TCP -----------------------------------------------------------------------------------------

-- Bytes without a line end may be half a line, or a message of a program that sends no line ends. They
-- are shown as they come, and once more with what follows them. But if the other side has answered
-- them, and there never was a line end, they were a message: nothing is put behind them.
--
-- Wireshark shows packets more than once, and in any order. So what came before a packet is found
-- out when it is met first, and kept under its number.

local stream_number, sequence_number = Field.new("tcp.stream"), Field.new("tcp.seq")
local ways -- one direction of a connection: has_lines, and unfinished, from_packet, next_byte
local beginnings -- of what a packet goes on with: its bytes, and the packet in which they begin

function socklab.init()
  ways, beginnings = {}, {}
end

local function way(pinfo, to_server)
  local name = tostring(stream_number().value) .. (to_server and " to server" or " to client")
  ways[name] = ways[name] or {}
  return ways[name]
end

local function find_beginning(pinfo)
  local to_server = is_for_server(pinfo)
  local this, other = way(pinfo, to_server), way(pinfo, not to_server)
  if not other.has_lines then other.unfinished = nil end
  if this.unfinished and this.next_byte == sequence_number().value then
    beginnings[pinfo.number] = { bytes = this.unfinished, packet = this.from_packet }
  end
end

-- `rest` is where in `bytes` something begins that has no line end yet.
local function remember(pinfo, tvb, bytes, rest)
  local this = way(pinfo, is_for_server(pinfo))
  local beginning = beginnings[pinfo.number]
  local is_short = #bytes - rest <= LONGEST_MESSAGE
  this.has_lines = this.has_lines or rest > 0
  this.unfinished = rest < #bytes and is_short and bytes:sub(rest + 1) or nil
  this.from_packet = rest == 0 and beginning and beginning.packet or pinfo.number
  this.next_byte = sequence_number().value + tvb:len()
end

-- Shows whole lines, and returns where the rest begins.
local function show_lines(tvb, pinfo, tree, field)
  local bytes, start = tvb:raw(), 0
  while true do
    local line_end = bytes:find("\n", start + 1, true)
    if not line_end then return start end
    local length = line_end - 1 - start
    if bytes:byte(line_end - 1) == 13 then length = length - 1 end -- CRLF
    if length > 0 then show_text(tree, pinfo, field, tvb(start, length)) end
    start = line_end
  end
end

local function show_stream(tvb, pinfo, tree)
  local field = is_for_server(pinfo) and fields.request or fields.reply
  pinfo.cols.info = is_for_server(pinfo) and "request" or "reply"
  if socklab.prefs.raw then
    show_text(tree, pinfo, field, tvb())
    return
  end
  if not pinfo.visited then find_beginning(pinfo) end
  local beginning, whole = beginnings[pinfo.number], tvb
  if beginning then
    whole = ByteArray.new(beginning.bytes .. tvb:raw(), true):tvb("With what came before")
    tree:add(fields.beginning, beginning.packet):set_generated()
  end
  local rest = show_lines(whole, pinfo, tree, field)
  if rest < whole:len() then
    show_text(tree, pinfo, field, whole(rest)):add_proto_expert_info(no_line_end)
  end
  if not pinfo.visited then remember(pinfo, tvb, whole:raw(), rest) end
end

-- Both ---------------------------------------------------------------------------------------------

local IS_TCP = 2 -- pinfo.port_type

function socklab.dissector(tvb, pinfo, tree)
  if tvb:len() == 0 then return 0 end
  pinfo.cols.protocol = "socklab"
  local subtree = tree:add(socklab, tvb())
  if pinfo.port_type == IS_TCP then
    show_stream(tvb, pinfo, subtree)
  else
    show_datagram(tvb, pinfo, subtree)
  end
  return tvb:len()
end

-- Wireshark itself takes UDP port 12000 for LLC: `set` puts us in its place, for both transports.
local port

local function take_port()
  for _, transport in ipairs({ "tcp.port", "udp.port" }) do
    local ports = DissectorTable.get(transport)
    if port then ports:remove(port, socklab) end
    ports:set(socklab.prefs.port, socklab)
  end
  port = socklab.prefs.port
end

take_port()
socklab.prefs_changed = take_port
