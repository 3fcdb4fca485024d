// Run once, when the database is made: one account that loads, one that only reads.
const analytics = db.getSiblingDB("analytics");
analytics.createUser({
  user: "writer",
  pwd: process.env.MONGO_WRITER_PASSWORD,
  roles: ["readWrite", "dbAdmin"],
});
analytics.createUser({
  user: "reader",
  pwd: process.env.MONGO_READER_PASSWORD,
  roles: ["read"],
});
