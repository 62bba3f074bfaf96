-- Rows and what is written about them.
--
-- The parts of this script are put together by scripts.py, behind constants made from the Python rules.
-- It runs a whole batch: nobody else's change can come between. Rows are read once and written once, at the
-- end, and so are indexes and documents: a call into Redis costs more than the work around it. Every refusal
-- comes before the first write of its operation, because nothing is rolled back.
--
-- Numbers travel as text, exactly as the client wrote them; Lua only compares them. '' stands for "none".
-- A `seq` is text, too.

local batch = cmsgpack.unpack(ARGV[1])
local PREFIX = string.sub(KEYS[1], 1, -4) -- without 'ctl'
local MOST = 1000 -- values passed to one command

local function key(name)
  return PREFIX .. name
end

local function text(number)
  return string.format('%d', number)
end

local ctl = {}
do
  local kept = redis.call(
    'HMGET', KEYS[1], 'seq', 'audit', 'hash', 'version', 'epoch', 'parents', 'raised', 'turn', 'format', 'key'
  )
  -- Whoever comes first says how the queue is written. What one key has sealed never stands beside the words of
  -- another, or of none.
  if not kept[9] then
    redis.call('HSET', KEYS[1], 'format', text(batch.format), 'key', batch.key)
  elseif (kept[10] or '') ~= batch.key then
    return redis.error_reply('OTHERKEY the queue was made with another key, or without one')
  end
  ctl.seq = tonumber(kept[1] or 0)
  ctl.audit = tonumber(kept[2] or 0)
  ctl.hash = kept[3] or string.rep('0', 40)
  ctl.version = tonumber(kept[4] or 0)
  ctl.epoch = tonumber(kept[5] or 0)
  ctl.parents = kept[6] == '1' -- whether any request ever depended on another
  ctl.raised = kept[7] == '1' -- whether any was ever raised by one that waits for it
  ctl.turn = kept[8] or '' -- what the strategies remember
end

local wrote = false -- anything at all
local news = false -- what others want to hear of

-- Server time in milliseconds: leases are measured by one clock, whoever takes them.
local now_ms
do
  local time = redis.call('TIME')
  now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

---------------------------------------------------------------------------------------------------
-- Writes that wait for the end of the batch

local sorted = {} -- set -> member -> score, or false to remove it
local hashed = {} -- hash -> field -> value, or false to remove it

local function plan(book, name, field, value)
  local page = book[name]
  if not page then
    page = {}
    book[name] = page
  end
  page[field] = value
  wrote = true
end

local function write(...)
  wrote = true
  return redis.call(...)
end

local function in_pieces(command, name, values)
  for first = 1, #values, MOST do
    redis.call(command, key(name), unpack(values, first, math.min(first + MOST - 1, #values)))
  end
end

-- A set of ready requests is listed while it has members.
local function list_ready(name)
  local group = string.sub(name, 3)
  if redis.call('EXISTS', key(name)) == 1 then
    redis.call('SADD', key('ready'), group)
  else
    redis.call('SREM', key('ready'), group)
  end
end

local function flush_sorted()
  for name, page in pairs(sorted) do
    local added, removed = {}, {}
    for member, score in pairs(page) do
      if score then
        added[#added + 1] = score
        added[#added + 1] = member
      else
        removed[#removed + 1] = member
      end
    end
    in_pieces('ZADD', name, added)
    in_pieces('ZREM', name, removed)
    if string.sub(name, 1, 2) == 'z:' then
      list_ready(name)
    end
  end
  sorted = {}
end

local function flush_hashed()
  for name, page in pairs(hashed) do
    local kept, dropped = {}, {}
    for field, value in pairs(page) do
      if value then
        kept[#kept + 1] = field
        kept[#kept + 1] = value
      else
        dropped[#dropped + 1] = field
      end
    end
    in_pieces('HSET', name, kept)
    in_pieces('HDEL', name, dropped)
  end
  hashed = {}
end

-- The value of a field, planned or stored; false without one.
local function hashed_value(name, field)
  local page = hashed[name]
  local value = page and page[field]
  if value == nil then
    value = redis.call('HGET', key(name), field)
  end
  return value
end

---------------------------------------------------------------------------------------------------
-- Rows

local rows = {} -- seq -> row, or false if there is none
local dirty = {} -- rows to be written

local blank = {} -- what a row has where nothing is stored
for _, name in ipairs(COLUMNS) do
  blank[name] = ''
end
local on_blank = { __index = blank }

local function blank_row(seq)
  return setmetatable({ seq = seq, changed = {} }, on_blank)
end

local function load(seq)
  local row = rows[seq]
  if row == nil then
    -- Not HMGET: that looks for each column from the beginning.
    local pairs_ = redis.call('HGETALL', key('r:' .. seq))
    row = false
    if pairs_[1] then
      row = blank_row(seq)
      for place = 1, #pairs_, 2 do
        row[pairs_[place]] = pairs_[place + 1]
      end
    end
    rows[seq] = row
  end
  return row
end

local function set(row, name, value)
  if row[name] ~= value then
    row[name] = value
    row.changed[name] = true
    if not row.dirty then
      row.dirty = true
      dirty[#dirty + 1] = row
    end
    wrote = true
  end
end

local function new_row(seq, values)
  local row = blank_row(seq)
  for name, value in pairs(values) do
    set(row, name, value)
  end
  rows[seq] = row
  return row
end

local function drop_row(row)
  write('DEL', key('r:' .. row.seq))
  row.changed = {}
  rows[row.seq] = false
end

local function flush_rows()
  for _, row in ipairs(dirty) do
    local values = {}
    for name in pairs(row.changed) do
      values[#values + 1] = name
      values[#values + 1] = row[name]
    end
    if #values > 0 then
      redis.call('HSET', key('r:' .. row.seq), unpack(values))
    end
    row.changed = {}
    row.dirty = false
  end
  dirty = {}
end

local function values_of(row)
  local values = {}
  for place, name in ipairs(COLUMNS) do
    values[place] = row[name]
  end
  return values
end

local function seq_of(id)
  return hashed_value('ids', id)
end

---------------------------------------------------------------------------------------------------
-- What the answer carries beside the answers

local wanted = {} -- seqs of the rows that go along, in order
local consequences = {} -- rows that changed because others did, as they were then

local function want(seq)
  wanted[#wanted + 1] = seq
end

local function consequence(row)
  consequences[#consequences + 1] = { row.seq, values_of(row) }
end

---------------------------------------------------------------------------------------------------
-- Groups: requests of one zone, endpoint and priority

local groups = {} -- zone -> endpoint -> priority -> group
local every_group = {}

local function inner(table_, name)
  local found = table_[name]
  if not found then
    found = {}
    table_[name] = found
  end
  return found
end

local function group_of(row)
  local own = inner(inner(groups, row.zone), row.entity)
  local group = own[row.priority]
  if not group then
    local priority = tonumber(row.priority)
    group = {
      cell = { row.zone, row.entity, '', priority },
      deltas = {}, -- status -> how many more
    }
    own[row.priority] = group
    every_group[#every_group + 1] = group
  end
  return group
end

-- Its own priority, or that of the most urgent one that waits for it.
local function rank_of(row)
  local own = tonumber(row.priority)
  return row.rank == '' and own or math.max(own, tonumber(row.rank))
end

local ready_names = {} -- zone -> endpoint -> rank -> name

-- Among which ready ones it is: those of its zone, endpoint and rank.
local function ready_name(row)
  local own, rank = inner(inner(ready_names, row.zone), row.entity), rank_of(row)
  if not own[rank] then
    own[rank] = cjson.encode({ row.zone, row.entity, rank })
  end
  return own[rank]
end

local function count(row, delta)
  local deltas = group_of(row).deltas
  deltas[row.status] = (deltas[row.status] or 0) + delta
  news = true
end

-- Brings the counters up to date; which cells changed by how much.
local function flush_counters()
  local changed = {}
  for _, group in ipairs(every_group) do
    for status, delta in pairs(group.deltas) do
      if delta ~= 0 then
        group.cell[3] = status
        local cell = cjson.encode(group.cell)
        changed[cell] = delta
        if redis.call('HINCRBY', key('cells'), cell, delta) == 0 then
          redis.call('HDEL', key('cells'), cell)
        end
      end
    end
  end
  return changed
end

---------------------------------------------------------------------------------------------------
-- The audit trail: each entry's hash covers the entry and the hash before it

local audited = {} -- entry, hash, entry, hash, …

-- entry: at, kind, actor, zone, request id or false, origin, target, why, detail as JSON, attempt or false
local function add_audit(entry)
  ctl.audit = ctl.audit + 1
  table.insert(entry, 1, ctl.audit)
  local packed = cmsgpack.pack(entry)
  ctl.hash = redis.sha1hex(ctl.hash .. packed)
  audited[#audited + 1] = packed
  audited[#audited + 1] = ctl.hash
  wrote = true
  return text(ctl.audit)
end

local function listed(before, number)
  return before == '' and number or before .. ',' .. number
end

local function write_down(row, kind, at, actor, origin, target, why, detail, attempt)
  local entry = { at, kind, actor, row.zone, row.id, origin, target, why, detail, attempt }
  set(row, 'audit', listed(row.audit, add_audit(entry)))
end

local function flush_audit()
  if #audited > 0 then
    redis.call('XADD', key('audit'), text(ctl.audit) .. '-0', unpack(audited))
  end
end
