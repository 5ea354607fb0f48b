CREATE TABLE "User" ("id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "email" TEXT NOT NULL, "name" TEXT, "age" INTEGER NOT NULL DEFAULT 1, "score" DECIMAL NOT NULL DEFAULT 0, "bal" REAL NOT NULL DEFAULT 0, "big" BIGINT NOT NULL DEFAULT 0, "created" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP, "meta" JSONB, "bossId" INTEGER, CONSTRAINT "User_bossId_fkey" FOREIGN KEY ("bossId") REFERENCES "User" ("id") ON DELETE SET NULL ON UPDATE CASCADE);
CREATE TABLE "Profile" ("id" TEXT NOT NULL PRIMARY KEY, "bio" TEXT NOT NULL, "userId" INTEGER NOT NULL, CONSTRAINT "Profile_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User" ("id") ON DELETE RESTRICT ON UPDATE CASCADE);
CREATE TABLE "Post" ("id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "title" TEXT NOT NULL, "views" INTEGER NOT NULL DEFAULT 0, "authorId" INTEGER NOT NULL, CONSTRAINT "Post_authorId_fkey" FOREIGN KEY ("authorId") REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE "Comment" ("id" TEXT NOT NULL PRIMARY KEY, "text" TEXT NOT NULL, "postId" INTEGER, CONSTRAINT "Comment_postId_fkey" FOREIGN KEY ("postId") REFERENCES "Post" ("id") ON DELETE SET NULL ON UPDATE CASCADE);
CREATE TABLE "Tag" ("id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "name" TEXT NOT NULL);
CREATE TABLE "Membership" ("userId" INTEGER NOT NULL, "groupId" TEXT NOT NULL, "role" TEXT NOT NULL DEFAULT 'm', PRIMARY KEY ("userId", "groupId"), CONSTRAINT "Membership_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User" ("id") ON DELETE RESTRICT ON UPDATE CASCADE, CONSTRAINT "Membership_groupId_fkey" FOREIGN KEY ("groupId") REFERENCES "Group" ("id") ON DELETE RESTRICT ON UPDATE CASCADE);
CREATE TABLE "Group" ("id" TEXT NOT NULL PRIMARY KEY, "ulid" TEXT NOT NULL, "u7" TEXT NOT NULL, "c2" TEXT NOT NULL);
CREATE TABLE "_PostToTag" ("A" INTEGER NOT NULL, "B" INTEGER NOT NULL, CONSTRAINT "_PostToTag_A_fkey" FOREIGN KEY ("A") REFERENCES "Post" ("id") ON DELETE CASCADE ON UPDATE CASCADE, CONSTRAINT "_PostToTag_B_fkey" FOREIGN KEY ("B") REFERENCES "Tag" ("id") ON DELETE CASCADE ON UPDATE CASCADE);
CREATE UNIQUE INDEX "User_email_key" ON "User"("email");
CREATE UNIQUE INDEX "User_name_age_key" ON "User"("name", "age");
CREATE UNIQUE INDEX "Profile_userId_key" ON "Profile"("userId");
CREATE UNIQUE INDEX "Tag_name_key" ON "Tag"("name");
CREATE UNIQUE INDEX "_PostToTag_AB_unique" ON "_PostToTag"("A", "B");
CREATE INDEX "_PostToTag_B_index" ON "_PostToTag"("B");
INSERT INTO "User" ("id","email","name","age","score","bal","big","created","meta","bossId") VALUES
 (1,'a','x',1,1.5,2.5,9007199254740993,'1970-01-01T00:00:00.000+00:00','{"a":1}',NULL),
 (2,'b','z',3,10,0.1,5,'2020-02-03T04:05:06.789+00:00','[1, 2]',1),
 (3,'c',NULL,5,0.25,-1,0,'2021-01-01T00:00:00.000+00:00',NULL,1),
 (4,'d','q',2,3.125,7,1,'2022-06-15T12:30:00.000+00:00','"s"',2),
 (5,'f','x',7,99.99,3.5,-4,'2023-06-15T12:30:00.000+00:00','null',NULL);
INSERT INTO "Profile" VALUES ('p1','bio one',1),('p2','bio two',2);
INSERT INTO "Post" VALUES (1,'t',3,1),(2,'u',0,1),(3,'t2',3,2),(4,'a',10,2),(5,'zz',2,3);
INSERT INTO "Comment" VALUES ('a','first',1),('b','second',1),('c','third',3),('d','loose',NULL),('e','fifth',2);
INSERT INTO "Tag" VALUES (1,'q'),(2,'n'),(3,'x'),(4,'t1'),(5,'e');
INSERT INTO "_PostToTag" VALUES (1,1),(1,2),(2,2),(3,3),(4,1);
INSERT INTO "Group" VALUES ('g','01ARZ3NDEKTSV4RRFFQ69G5FAV','0190163d-8694-739b-aea5-966c26f8ad90','tz4a98xxat96iws9zmbrgj3a'),('h','01ARZ3NDEKTSV4RRFFQ69G5FAW','0190163d-8694-739b-aea5-966c26f8ad91','tz4a98xxat96iws9zmbrgj3b');
INSERT INTO "Membership" VALUES (1,'g','m'),(2,'h','o');
