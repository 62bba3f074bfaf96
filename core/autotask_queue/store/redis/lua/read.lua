-- Questions. Nothing here writes. Each answer is one packed text, because a client takes many small values
-- apart slowly; documents follow it as they are.

local PREFIX = string.sub(KEYS[1], 1, -4) -- without 'ctl'
local MOST = 1000

local function key(name)
  return PREFIX .. name
end

-- Values of many fields of a hash, in order; false for those that are missing.
local function fields(name, wanted)
  local found = {}
  for first = 1, #wanted, MOST do
    local piece = { unpack(wanted, first, math.min(first + MOST - 1, #wanted)) }
    for _, value in ipairs(redis.call('HMGET', key(name), unpack(piece))) do
      found[#found + 1] = value
    end
  end
  return found
end

local QUESTIONS = {}

local reply = { '' }
local function attached(document)
  if not document then
    return 0
  end
  reply[#reply + 1] = document
  return #reply - 1
end

-- 'rows', seqs, names: the values of these columns for each row that exists.
function QUESTIONS.rows(op)
  local found = {}
  for _, seq in ipairs(op[2]) do
    local values = redis.call('HMGET', key('r:' .. seq), unpack(op[3]))
    if values[1] then
      found[#found + 1] = { seq, values }
    end
  end
  return found
end

-- 'full', seqs: rows with their documents.
function QUESTIONS.full(op)
  local found = {}
  local payloads, replies = fields('payload', op[2]), fields('reply', op[2])
  for place, seq in ipairs(op[2]) do
    local values = redis.call('HMGET', key('r:' .. seq), unpack(COLUMNS))
    if values[1] then
      found[#found + 1] = { seq, values, attached(payloads[place]), attached(replies[place]) }
    end
  end
  return found
end

local function seqs_of(ids)
  local found = {}
  for _, seq in ipairs(fields('ids', ids)) do
    if seq then
      found[#found + 1] = seq
    end
  end
  return found
end

-- 'by_id', ids: those that exist, with their documents.
function QUESTIONS.by_id(op)
  return QUESTIONS.full({ 'full', seqs_of(op[2]) })
end

---------------------------------------------------------------------------------------------------
-- Searching

local function within(value, least, most)
  if value == '' then
    return false
  end
  local number = tonumber(value)
  return (not least or number >= tonumber(least)) and (not most or number <= tonumber(most))
end

local function fits(values, conditions)
  for place, condition in ipairs(conditions) do
    local value = values[place] or ''
    local kind = condition[2]
    local good
    if kind == 'in' then
      good = condition[3][value]
    elseif kind == 'not in' then
      good = not condition[3][value]
    else
      good = within(value, condition[3], condition[4])
    end
    if not good then
      return false
    end
  end
  return true
end

local function has_words(haystack, words)
  for _, word in ipairs(words) do
    if not haystack or not string.find(haystack, word, 1, true) then
      return false
    end
  end
  return true
end

-- Those of `seqs` that fit, each with the value to sort by.
local function choose(seqs, conditions, words, sort)
  local names = {}
  for place, condition in ipairs(conditions) do
    names[place] = condition[1]
  end
  names[#conditions + 1] = 'id'
  names[#conditions + 2] = sort or nil
  local haystacks = #words > 0 and fields('search', seqs)
  local found = {}
  for place, seq in ipairs(seqs) do
    if not haystacks or has_words(haystacks[place], words) then
      local values = redis.call('HMGET', key('r:' .. seq), unpack(names))
      if values[#conditions + 1] and fits(values, conditions) then
        found[#found + 1] = sort and { seq, values[#names] or '' } or seq
      end
    end
  end
  return found
end

-- A page of the members of several sets together, by seq.
local function page(sets, descending, from, count)
  local seqs, more = {}, false
  for _, name in ipairs(sets) do
    local part
    if descending then
      part = redis.call('ZREVRANGEBYSCORE', key(name), from, '-inf', 'LIMIT', 0, count)
    else
      part = redis.call('ZRANGEBYSCORE', key(name), from, '+inf', 'LIMIT', 0, count)
    end
    more = more or #part == count
    for _, seq in ipairs(part) do
      seqs[#seqs + 1] = tonumber(seq)
    end
  end
  table.sort(seqs, descending and function(a, b)
    return a > b
  end or nil)
  more = more or #seqs > count
  local cut = {}
  for place = 1, math.min(count, #seqs) do
    cut[place] = string.format('%d', seqs[place])
  end
  return cut, more
end

-- 'scan', sets, whether descending, from which seq, how many to look at, conditions, words, column to sort by
-- or false: what fits, the last seq looked at, and whether there is more.
function QUESTIONS.scan(op)
  local seqs, more = page(op[2], op[3], op[4], op[5])
  local last = seqs[#seqs] or false
  if #op[6] > 0 or #op[7] > 0 or op[8] then
    seqs = choose(seqs, op[6], op[7], op[8])
  end
  return { seqs, last, more }
end

-- 'choose', ids, conditions, words, column to sort by or false: what fits of these.
function QUESTIONS.choose(op)
  return choose(seqs_of(op[2]), op[3], op[4], op[5])
end

-- 'texts', seqs, name of a column: what a search looks at, for those who must open it before they can.
function QUESTIONS.texts(op)
  local found, haystacks = {}, fields('search', op[2])
  for place, seq in ipairs(op[2]) do
    local values = redis.call('HMGET', key('r:' .. seq), 'id', op[3])
    if values[1] then
      found[#found + 1] = { seq, values[1], values[2], attached(haystacks[place]) }
    end
  end
  return found
end

-- 'oldest', sets: when the request with the lowest seq in any of these was made.
function QUESTIONS.oldest(op)
  local first
  for _, name in ipairs(op[2]) do
    local seq = tonumber(redis.call('ZRANGE', key(name), 0, 0)[1])
    if seq and (not first or seq < first) then
      first = seq
    end
  end
  return first and redis.call('HGET', key('r:' .. string.format('%d', first)), 'created_at') or false
end

---------------------------------------------------------------------------------------------------
-- Attempts and audit

-- 'attempts', id
function QUESTIONS.attempts(op)
  local seq = redis.call('HGET', key('ids'), op[2])
  local wanted = {}
  for number = 1, tonumber(seq and redis.call('HGET', key('r:' .. seq), 'tries') or 0) or 0 do
    wanted[number] = seq .. '.' .. string.format('%d', number)
  end
  local found = {}
  for number, packed in ipairs(fields('attempt', wanted)) do
    found[number] = packed and cmsgpack.unpack(packed)
  end
  return found
end

-- Entries stand several in one record of the stream, whose id is the number of its last entry.
local function entries_of(record)
  local found, parts = {}, record[2]
  for place = #parts - 1, 1, -2 do
    found[#found + 1] = cmsgpack.unpack(parts[place])
  end
  return found
end

-- 'audit', highest number, how many records to look at, kinds (as a set) or false: entries, newest first, and
-- the number to go on from; false at the end.
function QUESTIONS.audit(op)
  local found = {}
  local records = redis.call('XRANGE', key('audit'), op[2] .. '-0', '+', 'COUNT', 1)
  for _, record in ipairs(redis.call('XREVRANGE', key('audit'), op[2] .. '-0', '-', 'COUNT', op[3])) do
    records[#records + 1] = record
  end
  local lowest = op[2] + 1
  for _, record in ipairs(records) do
    for _, entry in ipairs(entries_of(record)) do
      if entry[1] < lowest then
        lowest = entry[1]
        if not op[4] or op[4][entry[3]] then
          found[#found + 1] = entry
        end
      end
    end
  end
  return { found, lowest > 1 and lowest <= op[2] and lowest - 1 or false }
end

-- 'audit_of', id, kinds (as a set) or false, how many, below which number: its entries, newest first.
function QUESTIONS.audit_of(op)
  local listed = redis.call('HGET', key('gone'), op[2]) or ''
  local seq = redis.call('HGET', key('ids'), op[2])
  if seq then
    listed = listed .. ',' .. (redis.call('HGET', key('r:' .. seq), 'audit') or '')
  end
  local numbers = {}
  for number in string.gmatch(listed, '%d+') do
    table.insert(numbers, 1, tonumber(number))
  end
  local found = {}
  for _, number in ipairs(numbers) do
    if #found < op[4] and number < op[5] then
      local record = redis.call('XRANGE', key('audit'), number .. '-0', '+', 'COUNT', 1)[1]
      for _, entry in ipairs(record and entries_of(record) or {}) do
        if entry[1] == number and (not op[3] or op[3][entry[3]]) then
          found[#found + 1] = entry
        end
      end
    end
  end
  return found
end

---------------------------------------------------------------------------------------------------

local op = cmsgpack.unpack(ARGV[1])
reply[1] = cmsgpack.pack(QUESTIONS[op[1]](op))
return reply
