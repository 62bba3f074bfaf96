-- What a batch can ask for: each operation takes its list and answers with one. A document is not in the
-- list: ARGV holds it as it is, and the list says which of its own it is, from 1.

local DUE_AT_ONCE = 500 -- rows that one call moves because of time, so that no call holds the server for long

local OPERATIONS = {}

-- The unfinished request that has the new one's key makes room for it, or says why not.
local function replace(holder, id, at, actor)
  if not REPLACEABLE[holder.status] or (holder.status == 'held' and UNDECIDED[holder.reason]) then
    return { 'sent', holder.id, holder.status }
  end
  local back = holder.status
  if back == 'retrying' or holder.reason == 'parent_failed' or holder.reason == 'parent_missing' then
    back = 'pending'
  end
  local changes = { status = 'cancelled', updated_at = at, finished_at = at, restore_to = back }
  local detail = cjson.encode({ replaced_by = id })
  local about = { kind = 'replaced', at = at, actor = actor, why = 'Replaced by ' .. id .. '.', detail = detail }
  apply_change(holder, without_own_reason(holder, changes), about)
  consequence(holder)
end

-- 'enqueue', id, values, documents (name -> place), parents, actor, whether it was acknowledged elsewhere before,
-- what becomes of it if its key is taken. One acknowledged elsewhere may have been here, have ended and have been
-- pruned, and must not be sent once more.
function OPERATIONS.enqueue(op)
  local id, values, actor = op[2], op[3], op[6]
  local known = seq_of(id)
  if known then
    want(known)
    return { 'old', known }
  end
  if op[7] and hashed_value('gone', id) then
    return { 'gone' }
  end
  local other, detail = values.dedup_key and hashed_value('uniq', values.dedup_key), {}
  if other and op[8] == 'keep_first' then
    want(seq_of(other))
    return { 'first', seq_of(other) }
  elseif other and op[8] == 'replace' then
    local refusal = replace(load(seq_of(other)), id, values.created_at, actor)
    if refusal then
      return refusal
    end
    detail.replaces = other
  elseif other then
    return { 'taken', other }
  end
  ctl.seq = ctl.seq + 1
  local row = new_row(text(ctl.seq), values)
  local leader = leader_for(row)
  if leader then
    set(row, 'merged_into', leader.id)
    detail.follows = leader.id
  end
  add_parents(row, op[5])
  local first, at, changes = row.status, row.created_at, {}
  behind_parents(row, changes, at)
  for name, value in pairs(changes) do
    set(row, name, value)
  end
  plan(hashed, 'ids', id, row.seq)
  keep_documents(row, op[4])
  enter_lane(row, lane_state(row))
  file(row, waits_of(row, at))
  rank_added(row)
  local written = next(detail) and cjson.encode(detail) or '{}'
  write_down(row, 'enqueued', at, actor, '', first, '', written, false)
  if row.status ~= first then
    write_down(row, 'held', at, actor, first, row.status, PARENT, '{}', false)
  end
  local answer = { 'new', row.seq, row.status, row.reason, row.updated_at, row.merged_into }
  free_children(row, at, actor)
  return answer
end

-- The changes of one call keep their order: when one has to be worked out again, those behind it wait.
local stopped = {} -- calls

local function must_wait(op, caller)
  local row = load(op[2])
  if row and row.v ~= op[3] then
    stopped[caller] = true
    want(row.seq)
  end
  return stopped[caller], row
end

-- 'check', seq, v: a change that the rules refuse, if the row is still what they looked at.
function OPERATIONS.check(op, caller)
  if must_wait(op, caller) then
    return { 'again', op[2], {} }
  end
  return { 'refused' }
end

-- Whether `given` is what goes along now; in the form that apply_change wants.
local function matching(given, needed)
  local along = {}
  for place, one in ipairs(needed) do
    local planned = given[place]
    if not planned or planned[1] ~= one.seq or planned[2] ~= one.v then
      return nil
    end
    along[place] = { one, planned[3], planned[4], planned[5] }
  end
  return #given == #needed and along or nil
end

-- 'change', seq, v, values, documents (name -> place, or false to remove it), about, and the same (seq, v, values,
-- documents, about) of each that goes along.
function OPERATIONS.change(op, caller)
  local again, row = must_wait(op, caller)
  if again then
    return { 'again', op[2], {} }
  end
  if not row then
    return { 'gone' }
  end
  local needed = going_along(row, op[4].status or row.status)
  local along = matching(op[7], needed)
  if not along then
    stopped[caller] = true
    local seqs = {}
    for place, one in ipairs(needed) do
      seqs[place] = one.seq
      want(one.seq)
    end
    want(row.seq)
    return { 'again', op[2], seqs }
  end
  local refusal, other = apply_change(row, op[4], op[6], along)
  if refusal then
    return { refusal, other or '' }
  end
  keep_documents(row, op[5])
  return { 'ok', row.v, row.status, row.reason, row.updated_at }
end

---------------------------------------------------------------------------------------------------
-- Claims

-- 'claim', now, limit, gates, default gate, background, epoch, terms
-- Brings in what time has brought, then starts the best of what is ready and may go. A worker that has not seen
-- the latest pause or hold gets nothing. Answers: the seqs that expired, whether more is due, what was got.
function OPERATIONS.claim(op)
  local now, limit = op[2], op[3]
  for _, seq in ipairs(reclaim(now, DUE_AT_ONCE)) do
    consequence(load(seq))
  end
  local expired, more = promote(now, DUE_AT_ONCE)
  if more or limit < 1 then
    return { expired, more, 'taken', {} }
  elseif op[7] ~= ctl.epoch then
    return { expired, false, 'control', {} }
  end
  flush_sorted()
  local left, use = slots_of(op[4], op[5], op[6])
  local turn = { reads = 0, clock = 0, ends = {} }
  if ctl.turn ~= '' then
    turn.reads, turn.clock, turn.ends = unpack(cmsgpack.unpack(ctl.turn))
  end
  local picked = pick(tonumber(now), limit, left, use, op[8], turn)
  if #picked > 0 then
    ctl.turn = cmsgpack.pack({ turn.reads, turn.clock, turn.ends })
  end
  for _, seq in ipairs(picked) do
    start(load(seq), now)
    want(seq)
  end
  return { expired, false, 'taken', picked }
end

local JOINED_AT_ONCE = 200 -- members of a set looked at in one step

-- Ready ones that may share the lead's call, by seq, at most `most`.
local function beside(lead, now, most)
  local found, offset = {}, 0
  while #found < most do
    local name = key(sharing(lead))
    local seqs = redis.call('ZRANGE', name, offset, offset + JOINED_AT_ONCE - 1)
    for _, seq in ipairs(seqs) do
      local row = load(seq)
      local in_time = row.expires_at == '' or later(row.expires_at, now)
      if #found < most and in_time and tonumber(row.attempts) <= tonumber(lead.attempts) then
        found[#found + 1] = row
      end
    end
    offset = offset + #seqs
    if #seqs < JOINED_AT_ONCE then
      break
    end
  end
  return found
end

-- Those right behind the lead in its lane that may be merged into it, at most `most`.
local function right_behind(lead, now, most)
  local lane, found = lane_of(lead), {}
  if not lane or most < 1 then
    return found
  end
  local behind = redis.call('ZRANGEBYSCORE', key('lane:' .. lane), '(' .. lead.seq, '+inf', 'LIMIT', 0, most)
  for _, seq in ipairs(behind) do
    local row = load(seq)
    local in_time = row.expires_at == '' or later(row.expires_at, now)
    local only_its_turn = row.waits == text(FOR_LANE)
    local alike = row.batch == lead.batch and row.zone == lead.zone and row.entity == lead.entity
    if not (in_time and only_its_turn and alike and row.priority == lead.priority) then
      break
    end
    found[#found + 1] = row
  end
  return found
end

-- 'join', now, seq of the lead, its fence, limit, whether to merge, epoch: the seqs of those that go along.
function OPERATIONS.join(op)
  local now, lead, most = op[2], load(op[3]), op[5]
  local mine = lead and lead.status == 'processing' and lead.owner == batch.writer and lead.fence == op[4]
  if not mine or lead.batch == '' or op[7] ~= ctl.epoch then
    return { {} }
  end
  flush_sorted()
  local taken = {}
  for place, row in ipairs(op[6] and right_behind(lead, now, most) or beside(lead, now, most)) do
    start(row, now, op[6] and lead.id or nil)
    taken[place] = row.seq
    want(row.seq)
  end
  return { taken }
end

-- 'heartbeat', list of seq and fence: moves the ends of this worker's leases; the seqs of those it lost.
function OPERATIONS.heartbeat(op)
  local lost = {}
  for _, held in ipairs(op[2]) do
    local row = load(held[1])
    if row and row.status == 'processing' and row.owner == batch.writer and row.fence == held[2] then
      lease_until(row, now_ms + batch.lease)
    else
      lost[#lost + 1] = held[1]
    end
  end
  return lost
end

-- 'hand_back', now, the seqs (as a set) that this worker knows it has: what else it has was claimed in a call
-- whose answer it never got, and is surely not sent.
function OPERATIONS.hand_back(op)
  flush_sorted()
  local at = op[2]
  local about = { kind = 'returned', at = at, actor = 'queue', why = UNHEARD, detail = '{}' }
  for _, seq in ipairs(redis.call('ZRANGE', key('lease'), 0, -1)) do
    local row = load(seq)
    if row.owner == batch.writer and not op[3][seq] then
      local changes = { status = 'pending', updated_at = at, finished_at = '', restore_to = '', merged_into = '' }
      apply_change(row, changes, about)
    end
  end
  return {}
end

-- 'leave', seqs: this worker ends; what it still holds can be taken up at once.
function OPERATIONS.leave(op)
  for _, seq in ipairs(op[2]) do
    local row = load(seq)
    if row and row.status == 'processing' and row.owner == batch.writer then
      lease_until(row, 0)
    end
  end
  return {}
end

-- 'recover', now: what dead workers left in flight, a piece at a time.
function OPERATIONS.recover(op)
  local seqs = reclaim(op[2], DUE_AT_ONCE)
  for _, seq in ipairs(seqs) do
    want(seq)
  end
  return { seqs, #seqs == DUE_AT_ONCE }
end

---------------------------------------------------------------------------------------------------
-- Pruning

-- Whether an unfinished request still looks at this one.
local function needed(row)
  for _, seq in ipairs(children_of(row.id)) do
    if not TERMINAL[load(seq).status] then
      return true
    end
  end
  return false
end

local function remove(row)
  unfile(row)
  for _, name in ipairs({ 'payload', 'reply', 'search' }) do
    plan(hashed, name, row.seq, false)
  end
  for number = 1, tonumber(row.tries) or 0 do
    plan(hashed, 'attempt', row.seq .. '.' .. text(number), false)
  end
  for _, parent in ipairs(open_parents(row)) do
    write('ZREM', key('children:' .. parent), row.seq)
  end
  if row.deps ~= '' then
    write('DEL', key('parents:' .. row.seq))
  end
  plan(hashed, 'ids', row.id, false)
  -- The audit trail outlives the request.
  plan(hashed, 'gone', row.id, listed(hashed_value('gone', row.id) or '', row.audit))
  drop_row(row)
end

-- 'prune', before, limit, highest seq: how many finished, old requests were deleted.
function OPERATIONS.prune(op)
  flush_sorted()
  local left, offset = op[3], 0
  while left > 0 do
    local old =
      redis.call('ZRANGEBYSCORE', key('finished'), '-inf', '(' .. op[2], 'LIMIT', offset, DUE_AT_ONCE)
    for _, member in ipairs(old) do
      local row = load(text(tonumber(member)))
      if left > 0 and tonumber(row.seq) <= op[4] and not needed(row) then
        remove(row)
        left = left - 1
      end
    end
    offset = offset + #old
    if #old < DUE_AT_ONCE then
      break
    end
  end
  return { op[3] - left }
end

-- Takes the entries of a pruned request that are gone themselves out of its list.
local function forget_entries(id, up_to)
  local seq = seq_of(id)
  local row = seq and load(seq)
  for _, list in ipairs({ hashed_value('gone', id) or '', row and row.audit or '' }) do
    local kept = {}
    for number in string.gmatch(list, '%d+') do
      if tonumber(number) > up_to then
        kept[#kept + 1] = number
      end
    end
    local text_kept = table.concat(kept, ',')
    if list ~= '' and text_kept ~= list then
      if row and list == row.audit then
        set(row, 'audit', text_kept)
      else
        plan(hashed, 'gone', id, text_kept ~= '' and text_kept or false)
      end
    end
  end
end

-- 'prune_audit', before, limit: how many old entries were deleted, the last one's number, and its hash.
-- Whole records go, the oldest first, and never the last one: the next entry must follow from something.
function OPERATIONS.prune_audit(op)
  local removed, number, hash, ids = 0, 0, '', {}
  local newest = redis.call('XREVRANGE', key('audit'), '+', '-', 'COUNT', 1)[1]
  for _, record in ipairs(redis.call('XRANGE', key('audit'), '-', '+', 'COUNT', op[3])) do
    local parts = record[2]
    local entries = {}
    for place = 1, #parts, 2 do
      entries[#entries + 1] = cmsgpack.unpack(parts[place])
    end
    local young = record[1] == newest[1] or removed >= op[3]
    for _, entry in ipairs(entries) do
      young = young or tonumber(entry[2]) >= op[2]
    end
    if young then
      break
    end
    for _, entry in ipairs(entries) do
      if entry[6] then
        ids[entry[6]] = true
      end
      number = entry[1]
    end
    removed, hash = removed + #entries, parts[#parts]
  end
  if removed > 0 then
    for id in pairs(ids) do
      forget_entries(id, number)
    end
    write('XTRIM', key('audit'), 'MINID', (number + 1) .. '-0')
    write('HSET', KEYS[1], 'audit_pruned_to', text(number), 'audit_anchor', hash)
  end
  return { removed, number, hash }
end

---------------------------------------------------------------------------------------------------
-- Small things

local function new_epoch()
  ctl.epoch = ctl.epoch + 1
  news = true
end

-- 'record', entry
function OPERATIONS.record(op)
  local entry = op[2]
  local id = entry[5]
  local number = add_audit(entry)
  local seq = id and seq_of(id)
  if seq then
    local row = load(seq)
    set(row, 'audit', listed(row.audit, number))
  elseif id then
    plan(hashed, 'gone', id, listed(hashed_value('gone', id) or '', number))
  end
  return {}
end

-- 'breaker', zone, value as it was or false, new value, whether a person's hold changed, entry or false
function OPERATIONS.breaker(op)
  local current = hashed_value('breaker', op[2])
  if current ~= op[3] then
    return { 'stale', current }
  end
  plan(hashed, 'breaker', op[2], op[4])
  if op[5] then
    new_epoch()
  end
  if op[6] then
    OPERATIONS.record({ 'record', op[6] })
  end
  return { 'ok' }
end

-- 'document', kind, key, value or false, whether it controls the workers
function OPERATIONS.document(op)
  plan(hashed, 'doc:' .. op[2], op[3], op[4])
  if op[5] then
    new_epoch()
  end
  return {}
end

-- 'minutes', list of time and value, seconds to keep
function OPERATIONS.minutes(op)
  for _, minute in ipairs(op[2]) do
    write('ZREMRANGEBYSCORE', key('minutes'), minute[1], minute[1])
    write('ZADD', key('minutes'), minute[1], minute[2])
  end
  local newest = redis.call('ZRANGE', key('minutes'), -1, -1, 'WITHSCORES')[2]
  if newest then
    redis.call('ZREMRANGEBYSCORE', key('minutes'), '-inf', '(' .. string.format('%.17g', newest - op[3]))
  end
  return {}
end

-- 'sync': nothing; the answer carries the counters.
function OPERATIONS.sync()
  return {}
end
