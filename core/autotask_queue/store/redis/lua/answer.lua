-- Runs the batch, writes what it planned and answers.
--
-- The reply is kept beside the number of the batch: a client that lost its connection sends the same batch
-- again and gets the same answer, and a batch that arrives after a later one changes nothing.

local writer_key = key('w:' .. batch.writer)
local known = redis.call('HMGET', writer_key, 'batch', 'reply')
local last = tonumber(known[1] or 0)
if batch.number < last then
  return redis.error_reply('OUTDATED a later batch of this writer was done already')
end

local answers
local deltas = {}
if batch.number == last and known[2] then
  answers, wanted = unpack(cmsgpack.unpack(known[2]))
else
  local epoch = ctl.epoch
  answers = {}
  for place, op in ipairs(batch.operations) do
    base = batch.bases[place]
    answers[place] = OPERATIONS[op[1]](op, batch.callers[place])
  end
  if wrote then
    flush_rows()
    flush_sorted()
    flush_hashed()
    deltas = flush_counters()
    flush_audit()
    if news then
      ctl.version = ctl.version + 1
    end
    redis.call(
      'HSET', KEYS[1], 'seq', text(ctl.seq), 'audit', text(ctl.audit), 'hash', ctl.hash,
      'version', text(ctl.version), 'epoch', text(ctl.epoch), 'parents', ctl.parents and '1' or '',
      'raised', ctl.raised and '1' or '', 'turn', ctl.turn
    )
    redis.call('HSET', writer_key, 'batch', text(batch.number), 'reply', cmsgpack.pack({ answers, wanted }))
    redis.call('PEXPIRE', writer_key, 86400000)
  end
  if news then
    redis.call('PUBLISH', key('news'), batch.writer .. (epoch == ctl.epoch and ' work' or ' control'))
  end
end

-- Rows that go along, each once, with their documents.
local function documents(name, seqs)
  local found = {}
  for first = 1, #seqs, MOST do
    local piece = { unpack(seqs, first, math.min(first + MOST - 1, #seqs)) }
    for _, value in ipairs(redis.call('HMGET', key(name), unpack(piece))) do
      found[#found + 1] = value
    end
  end
  return found
end

local seqs, seen = {}, {}
local function once(seq)
  if not seen[seq] then
    seen[seq] = true
    seqs[#seqs + 1] = seq
  end
end
for _, seq in ipairs(wanted) do
  once(seq)
end
for _, row in ipairs(consequences) do
  once(row[1])
end

local reply = { '' } -- the packed part comes first; documents follow as they are
local function attached(document)
  if not document then
    return 0
  end
  reply[#reply + 1] = document
  return #reply - 1
end

local full = {}
if #seqs > 0 then
  local payloads, replies = documents('payload', seqs), documents('reply', seqs)
  for place, seq in ipairs(seqs) do
    local row = load(seq)
    full[place] = { seq, row and values_of(row), attached(payloads[place]), attached(replies[place]) }
  end
end

-- The counters: what this batch changed, or everything if others changed something, too.
local own = ctl.version - (news and 1 or 0) == batch.version
local cells = not own and redis.call('HGETALL', key('cells'))
local due = redis.call('ZRANGE', key('due'), 0, 0, 'WITHSCORES')[2]
reply[1] = cmsgpack.pack({
  answers,
  full,
  consequences,
  cells,
  own and deltas or {},
  ctl.version,
  ctl.seq,
  due or false,
  ctl.epoch,
})
return reply
