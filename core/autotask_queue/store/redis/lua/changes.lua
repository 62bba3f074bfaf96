-- Changes of one request, and what they mean for those that depend on it.

-- It was to go on, or to wait; its parents say otherwise, or not.
local function reconsider(child, at, actor)
  local changes, was = {}, child.status
  behind_parents(child, changes, at)
  if next(changes) == nil then
    return
  end
  store(child, changes, at)
  if child.status ~= was then
    write_down(child, 'held', at, actor, was, child.status, PARENT, '{}', false)
  end
  consequence(child)
end

-- A parent lives again, or exists at last: its children wait for it instead of being held.
local function free_children(parent, at, actor)
  for _, seq in ipairs(children_of(parent.id)) do
    local child = load(seq)
    if child.status == 'held' and (child.reason == 'parent_failed' or child.reason == 'parent_missing') then
      local status = later(child.scheduled_at, at) and 'deferred' or 'pending'
      local changes = { status = status, reason = '', updated_at = at }
      behind_parents(child, changes, at)
      if changes.status ~= 'held' then
        store(child, changes, at)
        write_down(child, 'released', at, actor, 'held', child.status, PARENT_BACK, '{}', false)
        consequence(child)
      end
    end
  end
end

-- It ended, or came back.
local function tell_children(row, was, at, actor)
  if TERMINAL[row.status] then
    local children = children_of(row.id)
    if row.status == 'completed' and #children > 0 then
      write('DEL', key('children:' .. row.id))
      for _, seq in ipairs(children) do
        write('SREM', key('parents:' .. seq), row.id)
      end
    end
    for _, seq in ipairs(children) do
      reconsider(load(seq), at, actor)
    end
  elseif TERMINAL[was] then
    free_children(row, at, actor)
  end
end

---------------------------------------------------------------------------------------------------
-- Attempts: kind, result, started, ended, HTTP status, failure as JSON, note

local function keep_attempt(row, number, record)
  plan(hashed, 'attempt', row.seq .. '.' .. number, cmsgpack.pack(record))
end

local function next_number(row)
  return text((tonumber(row.tries) or 0) + 1)
end

-- Ends the running attempt, or adds a whole one; its number.
local function end_attempt(row, record)
  local number = row.running
  if record[1] == 'send' and number ~= '' then
    set(row, 'running', '')
  else
    number = next_number(row)
    set(row, 'tries', number)
  end
  keep_attempt(row, number, record)
  return number
end

-- How the running attempt ended, as far as the move tells; nil if the change itself says it, or none ends.
local function implied_ending(row, becomes, about)
  local told = about.attempt and about.attempt[1] == 'send'
  if row.status ~= 'processing' or becomes == 'processing' or told then
    return nil
  end
  local unsent = becomes == 'pending' and about.kind ~= 'recovered'
  return { 'send', unsent and 'not_sent' or 'unknown', row.updated_at, about.at, '', '', about.why }
end

-- What to write down of attempts.
local function endings(row, becomes, about)
  local records = {}
  records[1] = implied_ending(row, becomes, about)
  if about.attempt then
    records[#records + 1] = about.attempt
  end
  return records
end

---------------------------------------------------------------------------------------------------

local base = 0 -- where the running operation's documents begin

local function keep_documents(row, places)
  for name, place in pairs(places) do
    plan(hashed, name, row.seq, place and ARGV[base + place])
  end
end

-- Puts a row on its way, as part of another if that is named.
local function start(row, now, merged_into)
  local was, number = row.status, next_number(row)
  store(row, {
    status = 'processing',
    fence = text(tonumber(row.fence) + 1),
    updated_at = now,
    not_before = '',
    reason = '',
    reason_text = '',
    merged_into = merged_into or '',
    tries = number,
    running = number,
    sent = row.effect == 'read' and row.flight ~= '' and writes_of(row.zone) or '',
  }, now)
  keep_attempt(row, number, { 'send', 'running', now, '', '', '', '' })
  local detail = merged_into and cjson.encode({ merged_into = merged_into }) or '{}'
  write_down(row, 'claimed', now, '', was, 'processing', '', detail, tonumber(number))
end

-- Those that change with a row because they are merged into it: see carrying.goes_along
local function going_along(row, meant)
  local found = {}
  if row.status == meant or not SHARED[row.status] then
    return found
  end
  for _, one in ipairs(merged(row.id)) do
    local along
    if follows(one) then
      along = row.status == 'processing' and ANSWERED[meant]
    else
      along = one.status == row.status and (row.status ~= 'held' or one.reason == row.reason)
    end
    if along then
      found[#found + 1] = one
    end
  end
  return found
end

-- A read that others follow goes its own way: the first of them is sent, and followed by the rest.
local function let_another_lead(row, flight_before, at, actor)
  if not flight_before or (leads(row) and row.flight == flight_before) then
    return
  end
  local first
  for _, one in ipairs(merged(row.id)) do
    if follows(one) and first then
      store(one, { merged_into = first.id }, at)
    elseif follows(one) then
      first = one
      store(first, { merged_into = '', updated_at = at }, at)
      local detail = cjson.encode({ instead_of = row.id })
      write_down(first, 'promoted', at, actor, first.status, first.status, '', detail, false)
    end
  end
  if first then
    consequence(first)
  end
end

-- Applies `changes` whole, or answers why not: 'parent', or 'taken' and by whom.
-- about: kind, at, actor, why, detail as JSON, attempt or nil
-- along: what becomes of those that go along: { row, changes, documents, about } each
local apply_change
function apply_change(row, changes, about, along)
  local was, at = row.status, about.at
  local meant = changes.status or was
  local flight_before = leads(row) and row.flight
  behind_parents(row, changes, at)
  local becomes = changes.status or was
  if becomes == 'held' and was == 'held' and meant ~= 'held' then
    return 'parent'
  end
  if row.dedup_key ~= '' and TERMINAL[was] and not TERMINAL[becomes] then
    local other = hashed_value('uniq', row.dedup_key)
    if other then
      return 'taken', other
    end
  end
  if row.effect == 'write' and BUSY[was] and meant ~= was then
    plan(hashed, 'wrote', row.zone, text(tonumber(writes_of(row.zone)) + 1))
  end
  local attempt = false
  for _, record in ipairs(endings(row, becomes, about)) do
    attempt = { tonumber(end_attempt(row, record)), record[1], record[2] }
  end
  store(row, changes, at)
  write_down(row, about.kind, at, about.actor, was, meant, about.why, about.detail, attempt)
  if becomes ~= meant then
    write_down(row, 'held', at, about.actor, meant, becomes, PARENT, '{}', false)
  end
  if was ~= becomes then
    tell_children(row, was, at, about.actor)
  end
  for _, one in ipairs(along or {}) do
    if follows(one[1]) then
      start(one[1], at, row.id)
    end
    apply_change(one[1], one[2], one[4])
    keep_documents(one[1], one[3])
    consequence(one[1])
  end
  let_another_lead(row, flight_before, at, about.actor)
end

-- The reason goes with what gave it.
local function without_own_reason(row, changes)
  if row.reason == 'parent_failed' or row.reason == 'parent_missing' then
    changes.reason = ''
  elseif row.reason == 'after' and not BEFORE_PARENTS[changes.status] then
    changes.reason = ''
  end
  return changes
end

---------------------------------------------------------------------------------------------------
-- What time brings

local function expire(row, now)
  local changes = { status = 'expired', updated_at = now, finished_at = now, restore_to = '' }
  local about = { kind = 'expired', at = now, actor = '', why = 'Its time ran out.', detail = '{}' }
  apply_change(row, without_own_reason(row, changes), about)
end

local function release(row, now)
  local changes = { status = 'pending', updated_at = now, finished_at = '', restore_to = '' }
  local about = { kind = 'released', at = now, actor = '', why = 'Its time has come.', detail = '{}' }
  apply_change(row, without_own_reason(row, changes), about)
  consequence(row)
end

-- What has come due, at most `most`; the seqs of those that expired, and whether more is due.
local function promote(now, most)
  flush_sorted()
  local due = redis.call('ZRANGEBYSCORE', key('due'), '-inf', now, 'LIMIT', 0, most + 1)
  local expired = {}
  for place = 1, math.min(#due, most) do
    local row = load(text(tonumber(due[place])))
    -- An earlier one may have changed it: a parent that expired holds its children.
    if EXPIRING[row.status] then
      if row.expires_at ~= '' and not later(row.expires_at, now) then
        expire(row, now)
        expired[#expired + 1] = row.seq
        want(row.seq)
      elseif row.status == 'deferred' then
        release(row, now)
      else
        local waits = tonumber(row.waits) or 0
        set_waits(row, has(waits, FOR_TIME) and waits - FOR_TIME or waits)
      end
    end
  end
  return expired, #due > most
end

-- What dead workers left in flight, at most `most`: writes become uncertain, reads pending again.
local function reclaim(now, most)
  flush_sorted()
  local seqs = redis.call('ZRANGEBYSCORE', key('lease'), '-inf', text(now_ms), 'LIMIT', 0, most)
  table.sort(seqs, function(a, b)
    return tonumber(a) < tonumber(b)
  end)
  local about = { kind = 'recovered', at = now, actor = '', why = INTERRUPTED, detail = '{}' }
  for _, seq in ipairs(seqs) do
    local row = load(seq)
    local read = row.effect == 'read'
    apply_change(row, {
      status = read and 'pending' or 'uncertain',
      reason = read and '' or 'interrupted',
      merged_into = read and '' or row.merged_into,
      updated_at = now,
      finished_at = '',
      restore_to = '',
    }, about)
  end
  return seqs
end
