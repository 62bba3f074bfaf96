-- Which ready requests a claim takes. The same as policy/schedule.py and store/picking.py, where it is explained.
--
-- A head: { zone, entity, priority, seq, enqueued_at, is_read, group }.
-- The terms: { rule, head starts by priority, costs by class, newest reads, background after }.

local BACKGROUND, OLDEST_EVERY = 2, 4

local function class_of(priority)
  return math.floor((priority - 1) / 2) + 1
end

local function earliest(heads, starts)
  local sorted_ = { unpack(heads) }
  table.sort(sorted_, function(a, b)
    return a.seq > b.seq
  end)
  local best, best_key, latest = nil, math.huge, math.huge
  for _, head in ipairs(sorted_) do
    latest = math.min(latest, head.enqueued_at)
    local key_ = latest - starts[head.priority]
    if key_ <= best_key then
      best, best_key = head, key_
    end
  end
  return best
end

local function first_of(heads)
  local best = heads[1]
  for _, head in ipairs(heads) do
    if head.seq < best.seq then
      best = head
    end
  end
  return best
end

local function fairest(terms, turn, heads)
  local start, place
  for _, head in ipairs(heads) do
    local class = class_of(head.priority)
    local begins = math.max(turn.clock, turn.ends[class] or 0)
    if not start or begins < start or (begins == start and class > place) then
      start, place = begins, class
    end
  end
  local own = {}
  for _, head in ipairs(heads) do
    if class_of(head.priority) == place then
      own[#own + 1] = head
    end
  end
  for class = 1, #terms.costs do
    turn.ends[class] = turn.ends[class] or 0
  end
  turn.clock, turn.ends[place] = start, start + terms.costs[place]
  return earliest(own, terms.head_starts)
end

local function is_rival(terms, chosen, head)
  if terms.rule == 'priority' then
    return head.priority == chosen.priority
  elseif terms.rule == 'weighted' then
    return class_of(head.priority) == class_of(chosen.priority)
  end
  return true
end

-- The one that goes next; `turn` is brought up to date.
local function choose(terms, turn, heads, newest)
  local chosen
  if terms.rule == 'fifo' then
    chosen = first_of(heads)
  elseif terms.rule == 'priority' then
    chosen = earliest(heads, terms.head_starts)
  else
    chosen = fairest(terms, turn, heads)
  end
  if not terms.newest_reads or not chosen.is_read then
    return chosen
  end
  turn.reads = (turn.reads + 1) % OLDEST_EVERY
  if turn.reads > 0 then
    local best
    for _, head in ipairs(newest) do
      if is_rival(terms, chosen, head) and (not best or head.seq > best.seq) then
        best = head
      end
    end
    chosen = best or chosen
  end
  return chosen
end

---------------------------------------------------------------------------------------------------
-- Picking

local function head_of(group, member)
  local seq, enqueued_at, effect = string.match(member, '^(%d+):(.*):(%a)$')
  return {
    zone = group.zone,
    entity = group.entity,
    priority = group.priority,
    seq = tonumber(seq),
    enqueued_at = tonumber(enqueued_at),
    is_read = effect == 'r',
    group = group,
  }
end

-- One end of a group: the heads from there on, as far as a claim can get.
local function end_of(group, members)
  return { group = group, members = members, place = 0 }
end

local function advance(end_, taken)
  repeat
    end_.place = end_.place + 1
    local member = end_.members[end_.place]
    end_.head = member and head_of(end_.group, member)
  until not end_.head or not taken[end_.head.seq]
end

-- How much may be taken of zones and endpoints, and of the background. gates: zone -> slots, default slots of
-- an endpoint, and endpoint -> slots; `default` is the gate of zones that are not among them, or false.
local function slots_of(gates, default, background)
  local zones, entities = {}, {}

  local function left(group)
    local gate = gates[group.zone] or default
    if not gate or (group.priority <= BACKGROUND and background <= 0) then
      return 0
    end
    local own = gate[3][group.entity] or gate[2]
    local used = inner(entities, group.zone)
    return math.min(gate[1] - (zones[group.zone] or 0), own - (used[group.entity] or 0))
  end

  local function use(group)
    local used = inner(entities, group.zone)
    zones[group.zone] = (zones[group.zone] or 0) + 1
    used[group.entity] = (used[group.entity] or 0) + 1
    if group.priority <= BACKGROUND then
      background = background - 1
    end
  end

  return left, use
end

-- Both ends of every group that may go.
local function both_ends(limit, left, newest_reads)
  local oldest, newest = {}, {}
  for _, name in ipairs(redis.call('SMEMBERS', key('ready'))) do
    local zone, entity, priority = unpack(cjson.decode(name))
    local group = { zone = zone, entity = entity, priority = priority }
    local depth = math.min(limit, left(group))
    if depth > 0 then
      oldest[#oldest + 1] = end_of(group, redis.call('ZRANGE', key('z:' .. name), 0, depth - 1))
      if newest_reads then
        newest[#newest + 1] = end_of(group, redis.call('ZREVRANGE', key('reads:' .. name), 0, depth - 1))
      end
    end
  end
  return oldest, newest
end

-- What may be chosen now of these ends.
local function eligible(ends, left, terms, now)
  local heads = {}
  for _, end_ in ipairs(ends) do
    local head = end_.head
    if head and left(end_.group) > 0 then
      if head.priority > BACKGROUND or now - head.enqueued_at >= terms.background_after then
        heads[#heads + 1] = head
      end
    end
  end
  return heads
end

-- The seqs to take, in this order; `turn` is brought up to date.
local function pick(now, limit, left, use, terms, turn)
  local picked, taken = {}, {}
  local oldest, newest = both_ends(limit, left, terms.newest_reads)
  local function past_taken()
    for _, ends in ipairs({ oldest, newest }) do
      for _, end_ in ipairs(ends) do
        if end_.place == 0 or (end_.head and taken[end_.head.seq]) then
          advance(end_, taken)
        end
      end
    end
  end
  past_taken()
  while #picked < limit do
    local heads = eligible(oldest, left, terms, now)
    if #heads == 0 then
      break
    end
    local head = choose(terms, turn, heads, eligible(newest, left, terms, now))
    picked[#picked + 1] = text(head.seq)
    taken[head.seq] = true
    use(head.group)
    past_taken()
  end
  return picked
end
