-- The tables of models.prisma, except that Gone and Odd.missing are not there, Strict.must must not be NULL, and Bad has rows that no client wrote.
CREATE TABLE "User" ("id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "email" TEXT NOT NULL, "name" TEXT, "n" INTEGER NOT NULL DEFAULT 0);
CREATE UNIQUE INDEX "User_email_key" ON "User" ("email");
CREATE TABLE "Post" ("id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "title" TEXT NOT NULL,
  "authorId" INTEGER NOT NULL REFERENCES "User" ("id") ON DELETE RESTRICT ON UPDATE CASCADE);
CREATE UNIQUE INDEX "Post_authorId_title_key" ON "Post" ("authorId", "title");
CREATE TABLE "Card" ("id" INTEGER NOT NULL PRIMARY KEY, "userId" INTEGER NOT NULL REFERENCES "User" ("id") ON DELETE RESTRICT ON UPDATE CASCADE);
CREATE UNIQUE INDEX "Card_userId_key" ON "Card" ("userId");
CREATE TABLE "Tag" ("id" INTEGER NOT NULL PRIMARY KEY, "name" TEXT NOT NULL);
CREATE UNIQUE INDEX "Tag_name_key" ON "Tag" ("name");
CREATE TABLE "_PostToTag" ("A" INTEGER NOT NULL REFERENCES "Post" ("id") ON DELETE CASCADE ON UPDATE CASCADE, "B" INTEGER NOT NULL REFERENCES "Tag" ("id") ON DELETE CASCADE ON UPDATE CASCADE);
CREATE UNIQUE INDEX "_PostToTag_AB_unique" ON "_PostToTag" ("A", "B");
CREATE TABLE "Note" ("id" INTEGER NOT NULL PRIMARY KEY, "ownerId" INTEGER REFERENCES "User" ("id") ON DELETE SET NULL ON UPDATE CASCADE);
CREATE TABLE "Strict" ("id" INTEGER NOT NULL PRIMARY KEY, "must" TEXT NOT NULL);
CREATE TABLE "Odd" ("id" INTEGER NOT NULL PRIMARY KEY);
CREATE TABLE "Bad" ("id" INTEGER NOT NULL PRIMARY KEY, "at" DATETIME, "kind" TEXT, "i" INTEGER, "big" BIGINT);
INSERT INTO "User" ("id", "email") VALUES (1, 'a'), (2, 'b');
INSERT INTO "Post" ("id", "title", "authorId") VALUES (1, 't', 1), (2, 'u', 2);
INSERT INTO "Card" VALUES (1, 1), (2, 2);
INSERT INTO "Tag" VALUES (1, 'x');
INSERT INTO "Note" VALUES (1, 1), (2, NULL);
INSERT INTO "Bad" VALUES (1, 'nonsense', 'A', 1, 1), (2, NULL, 'Z', 1, 1), (3, NULL, NULL, 'abc', 1), (4, NULL, NULL, 4294967296000, 1), (5, NULL, NULL, 1, 'abc');
