-- Who goes when: indexes, lanes, parents. The same rules as store/ledger.py and store/rules.py, where they
-- are explained; one test runs random operations through both and compares every answer.

local FOR_TIME, FOR_LANE, FOR_PARENT = 1, 2, 4
local PARENT = 'A request it depends on did not complete.'
local PARENT_BACK = 'The request it depends on is back.'

local function has(waits, bit_)
  return math.floor(waits / bit_) % 2 == 1
end

local function padded(seq)
  return string.format('%016d', tonumber(seq))
end

local function later(time, than)
  return time ~= '' and tonumber(time) > tonumber(than)
end

---------------------------------------------------------------------------------------------------
-- Facts about one row

-- The lane whose order binds it. A stored lane begins with '=', so that '' is none.
local function lane_of(row)
  if row.effect == 'write' and row.lane ~= '' then
    return row.lane
  end
end

-- Whether reads like it may follow it, and whether it follows one: see store/flights.py
local function leads(row)
  return LEADING[row.status] and row.effect == 'read' and row.flight ~= '' and row.merged_into == ''
end

local function follows(row)
  return row.status == 'pending' and row.merged_into ~= ''
end

-- When something happens to it by itself.
local function due_at(row, waits)
  local due = EXPIRING[row.status] and row.expires_at or ''
  local at = ''
  if row.status == 'deferred' then
    at = row.scheduled_at ~= '' and row.scheduled_at or '0'
  elseif waits and has(waits, FOR_TIME) then
    at = row.not_before
  end
  if due == '' or at == '' then
    return due == '' and at or due
  end
  return tonumber(due) < tonumber(at) and due or at
end

local function list_as_ready(row, is_ready)
  local read = row.effect == 'read'
  local name, member = ready_name(row), row.seq .. ':' .. row.created_at .. (read and ':r' or ':w')
  plan(sorted, 'z:' .. name, member, is_ready and row.seq)
  if read then
    plan(sorted, 'reads:' .. name, member, is_ready and row.seq)
  end
end

---------------------------------------------------------------------------------------------------
-- Indexes

local busy = {} -- lane -> how many of it are on the wire or uncertain

local function busy_in(lane)
  local number = busy[lane]
  if number == nil then
    number = tonumber(redis.call('HGET', key('busy'), lane) or 0)
    busy[lane] = number
  end
  return number
end

local function add_busy(lane, delta)
  local number = busy_in(lane) + delta
  busy[lane] = number
  plan(hashed, 'busy', lane, number > 0 and text(number))
end

-- Those that may share a call with it.
local function sharing(row)
  return 'b:' .. cjson.encode({ row.zone, row.entity, row.batch })
end

local function file_waits(row, waits)
  set(row, 'waits', waits == nil and '' or text(waits))
  if waits == 0 then
    list_as_ready(row, true)
    if row.batch ~= '' then
      plan(sorted, sharing(row), row.seq, row.seq)
    end
  end
  local due = due_at(row, waits)
  if due ~= '' then
    plan(sorted, 'due', padded(row.seq), due)
  end
end

local function unfile_waits(row)
  if row.waits == '0' then
    list_as_ready(row, false)
    if row.batch ~= '' then
      plan(sorted, sharing(row), row.seq, false)
    end
  end
  if due_at(row, tonumber(row.waits)) ~= '' then
    plan(sorted, 'due', padded(row.seq), false)
  end
end

local function file(row, waits)
  plan(sorted, 's:' .. row.status, row.seq, row.seq)
  if leads(row) then
    write('ZADD', key('flight:' .. row.flight), row.seq, row.seq)
  end
  if row.merged_into ~= '' and not TERMINAL[row.status] then
    write('ZADD', key('with:' .. row.merged_into), row.seq, row.seq)
  end
  count(row, 1)
  if row.dedup_key ~= '' and not TERMINAL[row.status] then
    plan(hashed, 'uniq', row.dedup_key, row.id)
  end
  if PRUNABLE[row.status] then
    plan(sorted, 'finished', padded(row.seq), row.finished_at)
  end
  file_waits(row, waits)
end

local function unfile(row)
  plan(sorted, 's:' .. row.status, row.seq, false)
  if leads(row) then
    write('ZREM', key('flight:' .. row.flight), row.seq)
  end
  if row.merged_into ~= '' and not TERMINAL[row.status] then
    write('ZREM', key('with:' .. row.merged_into), row.seq)
  end
  count(row, -1)
  if row.dedup_key ~= '' and not TERMINAL[row.status] then
    plan(hashed, 'uniq', row.dedup_key, false)
  end
  if PRUNABLE[row.status] then
    plan(sorted, 'finished', padded(row.seq), false)
  end
  unfile_waits(row)
end

---------------------------------------------------------------------------------------------------
-- Parents

-- Its parents not completed so far.
local function open_parents(row)
  if not ctl.parents or row.deps == '' then
    return {}
  end
  return redis.call('SMEMBERS', key('parents:' .. row.seq))
end

local function status_of(id)
  local seq = seq_of(id)
  local row = seq and load(seq)
  return row and row.status
end

local function add_parents(row, parents)
  for _, parent in ipairs(parents) do
    if status_of(parent) ~= 'completed' then
      write('SADD', key('parents:' .. row.seq), parent)
      write('ZADD', key('children:' .. parent), row.seq, row.seq)
      ctl.parents = true
    end
  end
end

local function children_of(id)
  if not ctl.parents then
    return {}
  end
  return redis.call('ZRANGE', key('children:' .. id), 0, -1)
end

-- Why a row with these parents waits; '' if nothing of theirs keeps it.
local function hold_reason(row)
  local reason = ''
  for _, parent in ipairs(open_parents(row)) do
    local status = status_of(parent)
    if not status then
      return 'parent_missing'
    elseif TERMINAL[status] then
      reason = 'parent_failed'
    elseif reason == '' then
      reason = 'after'
    end
  end
  return reason
end

-- Adds to `changes` what the row's parents make of it: held, waiting after them, or free.
local function behind_parents(row, changes, at)
  local status = changes.status or row.status
  if row.deps == '' or not BEFORE_PARENTS[status] then
    return
  end
  local reason = hold_reason(row)
  if reason == 'parent_failed' or reason == 'parent_missing' then
    changes.status, changes.reason, changes.updated_at = 'held', reason, at
  elseif (reason == 'after') ~= ((changes.reason or row.reason) == 'after') then
    changes.reason, changes.updated_at = reason, at
  end
end

---------------------------------------------------------------------------------------------------
-- Lanes

local function must_queue(lane, seq)
  local first = redis.call('ZRANGE', key('lane:' .. lane), 0, 0)[1]
  return (first and tonumber(first) < tonumber(seq)) or busy_in(lane) > 0
end

-- What a row waits for. That it stands in its lane itself makes no difference.
local function waits_of(row, at)
  if not WAITING[row.status] then
    return nil
  end
  local waits = 0
  if row.status == 'retrying' and later(row.not_before, at) then
    waits = waits + FOR_TIME
  end
  local lane = lane_of(row)
  if row.merged_into ~= '' or (lane and must_queue(lane, row.seq)) then
    waits = waits + FOR_LANE
  end
  if #open_parents(row) > 0 then
    waits = waits + FOR_PARENT
  end
  return waits
end

local function set_waits(row, waits)
  unfile_waits(row)
  file_waits(row, waits)
end

-- Lets the first of the lane go, unless one is on its way, and stops the second.
local function settle_lane(lane)
  for place, seq in ipairs(redis.call('ZRANGE', key('lane:' .. lane), 0, 1)) do
    local row = load(seq)
    local waits = tonumber(row.waits)
    if waits then
      local must_wait = place > 1 or busy_in(lane) > 0
      if must_wait and not has(waits, FOR_LANE) then
        set_waits(row, waits + FOR_LANE)
      elseif not must_wait and has(waits, FOR_LANE) then
        set_waits(row, waits - FOR_LANE)
      end
    end
  end
end

-- What a row is to its lane: nil, or the lane, whether later ones wait for it, whether it is on the wire.
local function lane_state(row)
  local lane = lane_of(row)
  return lane, lane and LANE_BLOCKING[row.status], lane and BUSY[row.status]
end

local function enter_lane(row, lane, blocks, is_busy)
  if blocks then
    write('ZADD', key('lane:' .. lane), row.seq, row.seq)
  end
  if is_busy then
    add_busy(lane, 1)
  end
end

local function leave_lane(row, lane, blocked, was_busy)
  if blocked then
    write('ZREM', key('lane:' .. lane), row.seq)
  end
  if was_busy then
    add_busy(lane, -1)
  end
end

---------------------------------------------------------------------------------------------------
-- Who goes with whom: see store/flights.py and store/carrying.py

-- The unfinished ones with this `merged_into`, by seq.
local function merged(into)
  local found = {}
  for place, seq in ipairs(redis.call('ZRANGE', key('with:' .. into), 0, -1)) do
    found[place] = load(seq)
  end
  return found
end

local function followers_of(row)
  local found = {}
  if row.effect == 'read' and row.flight ~= '' then
    for _, one in ipairs(merged(row.id)) do
      if follows(one) then
        found[#found + 1] = one
      end
    end
  end
  return found
end

-- How many writes of a zone have come back.
local function writes_of(zone)
  return hashed_value('wrote', zone) or '0'
end

-- Whom a new read is to follow; nil if it is to be sent itself.
local function leader_for(row)
  if row.status ~= 'pending' or row.effect ~= 'read' or row.flight == '' then
    return nil
  end
  local seq = redis.call('ZREVRANGE', key('flight:' .. row.flight), 0, 0)[1]
  local leader = seq and load(seq)
  if not leader or redis.call('ZCARD', key('with:' .. leader.id)) >= MOST_FOLLOWERS then
    return nil
  end
  if leader.status == 'processing' and leader.sent ~= writes_of(leader.zone) then
    return nil
  end
  return leader
end

---------------------------------------------------------------------------------------------------
-- Ranks: see store/ranks.py

-- How a row presses on those ahead: in which lane, whether as a child, behind which read.
local function pressure(row)
  local lane, blocks = lane_state(row)
  local leader = follows(row) and row.merged_into or false
  return blocks and lane or nil, row.deps ~= '' and WAITING[row.status] or false, leader
end

-- Whom it waits for, as seqs.
local function ahead_of(row, lane, is_child, leader)
  local found = {}
  if lane then
    found[1] = redis.call('ZREVRANGEBYSCORE', key('lane:' .. lane), '(' .. row.seq, '-inf', 'LIMIT', 0, 1)[1]
  end
  for _, parent in ipairs(is_child and open_parents(row) or {}) do
    local seq = seq_of(parent)
    if seq and not TERMINAL[load(seq).status] then
      found[#found + 1] = seq
    end
  end
  local first = leader and seq_of(leader)
  if first and not TERMINAL[load(first).status] then
    found[#found + 1] = first
  end
  return found
end

-- The highest rank of itself and of those that wait for it.
local function due_rank(row)
  local rank = tonumber(row.priority)
  local lane = pressure(row)
  if lane then
    local after = redis.call('ZRANGEBYSCORE', key('lane:' .. lane), '(' .. row.seq, '+inf', 'LIMIT', 0, 1)[1]
    if after then
      rank = math.max(rank, rank_of(load(after)))
    end
  end
  for _, seq in ipairs(children_of(row.id)) do
    local child = load(seq)
    if WAITING[child.status] then
      rank = math.max(rank, rank_of(child))
    end
  end
  for _, one in ipairs(followers_of(row)) do
    rank = math.max(rank, rank_of(one))
  end
  return rank
end

local function set_rank(row, rank)
  local waits = tonumber(row.waits)
  unfile_waits(row)
  set(row, 'rank', rank > tonumber(row.priority) and text(rank) or '')
  file_waits(row, waits)
  ctl.raised = ctl.raised or row.rank ~= ''
end

local function work_out_ranks(todo)
  while #todo > 0 do
    local row = load(table.remove(todo))
    local rank = due_rank(row)
    if rank ~= rank_of(row) then
      set_rank(row, rank)
      for _, seq in ipairs(ahead_of(row, pressure(row))) do
        todo[#todo + 1] = seq
      end
    end
  end
end

local function rank_added(row)
  for _, seq in ipairs(ahead_of(row, pressure(row))) do
    if rank_of(load(seq)) < tonumber(row.priority) then
      work_out_ranks({ seq })
    end
  end
end

-- Who waits for whom, or how urgently, may have changed.
local function rank_changed(row, lane_before, was_child, leader_before, priority)
  local lane, is_child, leader = pressure(row)
  local as_before = lane == lane_before and is_child == was_child and leader == leader_before
  if row.status == 'processing' or (as_before and row.priority == priority) then
    return
  end
  local moved = row.priority ~= priority -- below one that waits for it, perhaps
  if not (moved or lane or is_child or leader or ctl.raised) then
    return
  end
  local todo = TERMINAL[row.status] and {} or { row.seq }
  for _, seq in ipairs(ahead_of(row, lane_before, was_child, leader_before)) do
    todo[#todo + 1] = seq
  end
  for _, seq in ipairs(ahead_of(row, lane, is_child, leader)) do
    todo[#todo + 1] = seq
  end
  work_out_ranks(todo)
end

-- Whoever sends a row has it until then, unless it shows that it lives.
local function lease_until(row, deadline)
  plan(sorted, 'lease', row.seq, text(deadline))
end

-- Writes `changes` into a row and keeps every index.
local function store(row, changes, at)
  local lane_before, blocked, was_busy = lane_state(row)
  local was, priority = row.status, row.priority
  local pressed, was_child, followed = pressure(row)
  unfile(row)
  for name, value in pairs(changes) do
    set(row, name, value)
  end
  set(row, 'v', text(tonumber(row.v) + 1))
  if TERMINAL[row.status] then
    set(row, 'rank', '')
  end
  if was ~= 'processing' and row.status == 'processing' then
    set(row, 'owner', batch.writer)
    lease_until(row, now_ms + batch.lease)
  elseif was == 'processing' and row.status ~= 'processing' then
    set(row, 'owner', '')
    plan(sorted, 'lease', row.seq, false)
  end
  local lane, blocks, is_busy = lane_state(row)
  local moved = lane ~= lane_before or blocks ~= blocked or is_busy ~= was_busy
  if moved then
    leave_lane(row, lane_before, blocked, was_busy)
    enter_lane(row, lane, blocks, is_busy)
  end
  file(row, waits_of(row, at))
  if moved and lane_before then
    settle_lane(lane_before)
  end
  if moved and lane and lane ~= lane_before then
    settle_lane(lane)
  end
  rank_changed(row, pressed, was_child, followed, priority)
end
